/* SPDX-License-Identifier: Apache-2.0 */
/* What a sketch sees of Arduino's core: C++, its C library, a serial port, time. */
#ifndef ARDUINO_STAND_IN_H
#define ARDUINO_STAND_IN_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

void setup();
void loop();
unsigned long millis();
void delay(unsigned long ms);

class SerialPort
{
  public:
    void begin(unsigned long baud);
    explicit operator bool() const;
    void print(const char *text);
    void print(int number);
    void print(unsigned number);
    void print(unsigned long number);
    void println(const char *text);
};

extern SerialPort Serial;

#endif
