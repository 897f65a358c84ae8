# src/core/launch.c: a launch whose bytes may have left is forgotten when nobody wants it.
/\[LAUNCH_SENDING\]/s/sent_first, *LAUNCH_SENDING/sent_first, LAUNCH_GONE/
