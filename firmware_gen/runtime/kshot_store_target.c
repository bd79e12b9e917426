/* SPDX-License-Identifier: Apache-2.0 */
/* Rule R5 of docs/store_format.md: which bank a compaction goes to. */
#include "kshot_store_index.h"

/* R5: the bank that will be read as a store at every boot, however the cuts before now went: the active one, or where
 * its ATTEST may not be readable again, the newest other that is attested; KSHOT_STORE_MAX_BANKS for none. */
static uint32_t safe_bank(const kshot_store *store)
{
    uint32_t best = KSHOT_STORE_MAX_BANKS;

    if (store->active == KSHOT_STORE_MAX_BANKS || store->written ||
        kshot_store_bank_stage(&store->banks[store->active]) == KSHOT_STORE_ACKNOWLEDGED) {
        return store->active;
    }
    for (uint32_t i = 0; i < store->config->geometry.bank_count; i++) {
        const kshot_store_bank *const bank = &store->banks[i];
        if (i != store->active && kshot_store_bank_stage(bank) >= KSHOT_STORE_ATTESTED &&
            (best == KSHOT_STORE_MAX_BANKS || bank->header.sequence > store->banks[best].header.sequence)) {
            best = i;
        }
    }
    return best;
}

/* R5: whether a bank might be read as newer than the safe one, even after an erase that was cut. */
static bool is_risky(const kshot_store *store, const kshot_store_bank *bank, uint32_t safe)
{
    const bool readable = bank->kind == KSHOT_STORE_HEADER_FOREIGN ||
                          (bank->kind == KSHOT_STORE_HEADER_OURS && bank->newest != KSHOT_STORE_NO_SLOT);
    return readable && (safe == KSHOT_STORE_MAX_BANKS || bank->header.sequence > store->banks[safe].header.sequence);
}

/* R5: whether `bank` is the better target. Of two that are not risky, it is the one that was erased less often; when
 * all will be erased, more often, so that one of those that are behind is free next time. */
static bool is_better(const kshot_store *store, uint32_t bank, uint32_t than, uint32_t safe, bool purges)
{
    const kshot_store_bank *const a = &store->banks[bank], *const b = &store->banks[than];
    const bool a_risky = is_risky(store, a, safe), b_risky = is_risky(store, b, safe);

    if (a_risky != b_risky) {
        return b_risky;
    }
    if (a_risky) {
        return a->header.sequence < b->header.sequence;
    }
    return purges ? a->erases > b->erases : a->erases < b->erases;
}

uint32_t kshot_store_choose_target(const kshot_store *store, uint32_t tried, bool purges)
{
    const uint32_t bank_count = store->config->geometry.bank_count;
    const uint32_t safe = safe_bank(store);
    uint32_t best = KSHOT_STORE_MAX_BANKS;
    uint32_t i = store->active == KSHOT_STORE_MAX_BANKS ? bank_count - 1 : store->active;

    for (uint32_t turn = 0; turn < bank_count; turn++) {
        i = i + 1 < bank_count ? i + 1 : 0;
        const bool spared = i == safe && bank_count > KSHOT_STORE_MIN_BANKS;
        if (i == store->active || spared || (tried >> i & 1) != 0) {
            continue;
        }
        if (best == KSHOT_STORE_MAX_BANKS || is_better(store, i, best, safe, purges)) {
            best = i;
        }
    }
    return best;
}
