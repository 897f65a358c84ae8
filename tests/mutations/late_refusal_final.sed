# src/core/launch.c: a refusal of the second send ends the launch although the first may have worked.
/^sent_again/,/^}/s/return LAUNCH_WATCH;/return LAUNCH_GONE;/
