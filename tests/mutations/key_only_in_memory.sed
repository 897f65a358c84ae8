# src/core/store.c: what was asked under a key is forgotten by a restart.
s/result = store_write_requests(s, p, err);/result = DB_DONE;/
