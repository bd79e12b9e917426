/* SPDX-License-Identifier: Apache-2.0 */
/* What ESP-IDF does after its own start-up: calls the application. */
void app_main(void);

int main(void)
{
    app_main();
    return 0;
}
