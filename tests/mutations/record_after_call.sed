# src/core/launch.c: the request leaves before "sending" is on disk.
s/^\tloop_outbox_put(&l->outbox);$/\ton_outbox(l);/
