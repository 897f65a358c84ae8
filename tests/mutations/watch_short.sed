# src/core/launch.c: a watch ends after ten seconds.
s/^#define WATCH_WINDOW_MS .*/#define WATCH_WINDOW_MS 10000/
