"""Parts of `cprs.l1` inside other trainers, through what those offer for it."""
