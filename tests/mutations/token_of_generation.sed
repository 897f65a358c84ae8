# src/core/launch_freeze.c: the next candidate is asked for with the token of the one before.
s/^\tl->phase = LAUNCH_RESERVED;$/&\n\t(void)snprintf(l->token, sizeof(l->token), "%.24s-%lld", w->name, (long long)w->generation);/
