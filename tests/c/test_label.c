/* SPDX-License-Identifier: Apache-2.0 */
#include "check.h"
#include "kshot.h"
#include "kshot_label.h"

/* Plain text is as long as it is. */
TEST(ascii_counts_its_bytes)
{
    CHECK_EQUAL(1, kshot_label_len("a"));
    CHECK_EQUAL(23, kshot_label_len("abcdefghijklmnopqrstuvw"));
}

/* Nothing, and what leaves no room for the terminating zero, is no label. */
TEST(empty_and_long_labels_are_refused)
{
    CHECK_EQUAL(0, kshot_label_len(NULL));
    CHECK_EQUAL(0, kshot_label_len(""));
    CHECK_EQUAL(0, kshot_label_len("abcdefghijklmnopqrstuvwx"));
}

/* A text without end is read no further than a label reaches: the address sanitizer watches. */
TEST(an_unterminated_text_is_not_overread)
{
    char *const text = (char *)malloc(KSHOT_LABEL_BYTES);
    CHECK(text != NULL);
    memset(text, 'x', KSHOT_LABEL_BYTES);
    CHECK_EQUAL(0, kshot_label_len(text));
    free(text);
}

/* A character that ends in the last readable byte, or is cut there, reads nothing behind it. */
TEST(a_character_cut_by_the_end_is_not_overread)
{
    char *const text = (char *)malloc(3);
    CHECK(text != NULL);
    memcpy(text, "\xf0\x9f", 3);
    CHECK_EQUAL(0, kshot_label_len(text));
    free(text);
}

/* First and last characters of each length are valid. */
TEST(utf8_of_every_length_is_accepted)
{
    CHECK_EQUAL(2, kshot_label_len("\xc2\x80"));
    CHECK_EQUAL(2, kshot_label_len("\xdf\xbf"));
    CHECK_EQUAL(3, kshot_label_len("\xe0\xa0\x80"));
    CHECK_EQUAL(3, kshot_label_len("\xed\x9f\xbf"));
    CHECK_EQUAL(3, kshot_label_len("\xee\x80\x80"));
    CHECK_EQUAL(3, kshot_label_len("\xef\xbf\xbf"));
    CHECK_EQUAL(4, kshot_label_len("\xf0\x90\x80\x80"));
    CHECK_EQUAL(4, kshot_label_len("\xf4\x8f\xbf\xbf"));
    CHECK_EQUAL(8, kshot_label_len("a\xc3\xa9\xe2\x82\xac"
                                   "bc"));
}

/* Overlong forms, surrogates, values past U+10FFFF, stray and missing continuations are not text. */
TEST(malformed_utf8_is_refused)
{
    static const char *const malformed[] = {
        "\x80",         "\xbf",         "\xc0\x80",         "\xc1\xbf",         "\xc3",
        "\xc3\x28",     "\xe0\x9f\xbf", "\xed\xa0\x80",     "\xed\xbf\xbf",     "\xe2\x82",
        "\xe2\x28\xa1", "\xe2\x82\x28", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
        "\xff",         "a\xfe",        "\xf0\x9f\x98",     "\xf0\x9f\x28\x80",
    };
    for (size_t i = 0; i < sizeof malformed / sizeof malformed[0]; i++) {
        CHECK_EQUAL(0, kshot_label_len(malformed[i]));
    }
}

/* A character that would cross the limit makes the whole label too long; it is not cut. */
TEST(a_character_across_the_limit_is_refused)
{
    CHECK_EQUAL(23, kshot_label_len("abcdefghijklmnopqrstu\xc3\xa9"));
    CHECK_EQUAL(0, kshot_label_len("abcdefghijklmnopqrstuv\xc3\xa9"));
    CHECK_EQUAL(0, kshot_label_len("abcdefghijklmnopqrstuvw\xf0\x9f\x98\x80"));
}

CHECK_MAIN(ENTRY(ascii_counts_its_bytes), ENTRY(empty_and_long_labels_are_refused),
           ENTRY(an_unterminated_text_is_not_overread), ENTRY(a_character_cut_by_the_end_is_not_overread),
           ENTRY(utf8_of_every_length_is_accepted), ENTRY(malformed_utf8_is_refused),
           ENTRY(a_character_across_the_limit_is_refused))
