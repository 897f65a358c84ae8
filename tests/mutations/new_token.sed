# src/core/launch_freeze.c: a second send has another token than the first.
s/strcmp(digest, l->digest) != 0/false/
s/^\tsecret_fini(&password);$/&\n\tif (result == 0 \&\& l->sends > 1)\n\t\t*strstr(body->data, l->token) ^= 1;/
