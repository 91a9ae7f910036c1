/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Operations of the fuzzer on /dev/mshv, and what they share.
 */
#ifndef _HVEMU_FUZZ_VMM_H
#define _HVEMU_FUZZ_VMM_H

#include <stddef.h>

#include "fuzz.h"

/* Memory that an argument may point to, but for what is odd. */
extern __thread unsigned char scratch[2 * PAGE];

struct fuzz_partition *some_partition(void);
struct fuzz_vp *some_vp(void);

/* Where guests look for memory, or beside it. */
u64 some_gfn(void);

/* An ioctl, with its arguments where they are, or somewhere else. */
int ask_driver(enum fuzz_call call, int fd, unsigned long request, void *args, size_t size,
	       const char *words);

/* fuzz_partition.c */
void create_partition(void);
void initialize(void);
void create_vp(void);
void map(void);
void unmap(void);
void irqfd(void);
void ioeventfd(void);
void route(void);
void access_bitmap(void);

/* fuzz_hypercall.c */
void hypercall(void);

/* fuzz_vp.c */
void run(void);
void state(void);
void enter(void);
void map_page(void);
void unmap_page(void);
void write_page(void);

/* fuzz_files.c */
void other_ioctl(void);
void read_fdinfo(void);
void read_statistics(void);
void set_polling(void);
void close_something(void);
void share(void);

#endif /* _HVEMU_FUZZ_VMM_H */
