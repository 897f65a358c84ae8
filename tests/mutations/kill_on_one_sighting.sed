# src/core/orphan_judge.c: what one listing shows is an orphan.
s/o->began_ms - o->first_ms < conf->interval/false/
