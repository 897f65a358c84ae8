# src/core/pool.c: a launch is on disk only when it has been answered.
/^pool_dirty_launch/,/^}/s/^\tif (l->dirty)$/\tif (l->dirty || l->phase < LAUNCH_UNKNOWN)/
