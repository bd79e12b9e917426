/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a sketch's setup() and one round of loop(); the serial port is standard output. */
#include "Arduino.h"

#include <stdio.h>

SerialPort Serial;

static unsigned long now_ms;

unsigned long millis()
{
    return now_ms;
}

/* A sketch that waits has given up: its program ends. */
void delay(unsigned long ms)
{
    now_ms += ms;
    exit(EXIT_FAILURE);
}

void SerialPort::begin(unsigned long baud)
{
    if (baud != 115200) {
        exit(EXIT_FAILURE);
    }
}

SerialPort::operator bool() const
{
    return true;
}

void SerialPort::print(const char *text)
{
    printf("%s", text);
}

void SerialPort::print(int number)
{
    printf("%d", number);
}

void SerialPort::print(unsigned number)
{
    printf("%u", number);
}

void SerialPort::print(unsigned long number)
{
    printf("%lu", number);
}

void SerialPort::println(const char *text)
{
    printf("%s\n", text);
}

int main()
{
    setup();
    loop();
    return 0;
}
