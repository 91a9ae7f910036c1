// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the fuzzer asks of a VP: to run, its state, its pages.
 */

#include <errno.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "fuzz.h"
#include "fuzz_vmm.h"
#include "guests.h"

/* A write that the VMM is told of is over, or it is told of nothing else. */
static void go_past(int fd, u32 index, const struct hv_message *message)
{
	const struct hv_x64_intercept_message_header *header = (const void *)message->u.payload;
	struct vp vp = { .fd = fd, .index = index };
	struct hv_register_assoc rip = {
		.name = HV_X64_REGISTER_RIP,
		.value.reg64 = header->rip + header->instruction_length,
	};

	if (message->header.message_type == HVMSG_X64_IO_PORT_INTERCEPT)
		vp_set_registers(&vp, &rip, 1);
}

void run(void)
{
	struct fuzz_vp *vp = some_vp();
	union {
		struct mshv_run_vp run;
		struct hv_message message;
	} args = { };
	u32 index = vp->index;
	int fd = vp->fd, ret;

	ret = ask_driver(CALL_RUN_VP, fd, MSHV_RUN_VP, &args, sizeof(args), "");
	if (!ret && chance(4))
		go_past(fd, index, &args.message);
}

void state(void)
{
	struct mshv_get_set_vp_state args = {
		.type = chance(MSHV_VP_STATE_COUNT),
		.buf_sz = (1 + chance(3)) * PAGE,
		.buf_ptr = chance(2) ? fuzz_place() : (uintptr_t)scratch,
	};
	bool set = chance(2);
	char words[60];

	if (args.buf_ptr == (uintptr_t)scratch)
		args.buf_sz = (1 + chance(2)) * PAGE;
	if (fuzz_odd()) {
		switch (chance(4)) {
		case 0:
			args.type = fuzz_odd_number();
			break;
		case 1:
			args.buf_sz = fuzz_odd_number();
			args.buf_ptr = fuzz_place();
			break;
		case 2:
			args.buf_ptr = fuzz_odd_number();
			break;
		case 3:
			args.rsvd[chance(sizeof(args.rsvd))] = 1;
			break;
		}
	}
	snprintf(words, sizeof(words), ", type %u, %u bytes at %#llx", args.type, args.buf_sz,
		 args.buf_ptr);
	ask_driver(set ? CALL_SET_VP_STATE : CALL_GET_VP_STATE, some_vp()->fd,
		   set ? MSHV_SET_VP_STATE : MSHV_GET_VP_STATE, &args, sizeof(args), words);
}

/* One more VP that does something. */
void enter(void)
{
	struct fuzz_vp *slot = some_vp();
	struct vp vp = { .fd = slot->fd, .index = slot->index };

	fuzz_tried(CALL_ENTER_GUEST, guest_enter(&vp, false), "%d", vp.fd);
}

void map_page(void)
{
	unsigned int number = fuzz_odd() ? (u32)fuzz_odd_number() :
			      chance(MSHV_VP_MMAP_OFFSET_COUNT + 1);
	size_t size = fuzz_odd() ? 2 * PAGE : PAGE;
	struct fuzz_vp *vp = some_vp();
	int flags = fuzz_odd() ? MAP_PRIVATE : MAP_SHARED;
	int prot = fuzz_odd() ? chance(8) : PROT_READ | PROT_WRITE, fd = vp->fd;
	void *page;

	page = mmap(NULL, size, prot, flags, fd, (off_t)number * PAGE);
	fuzz_tried(CALL_VP_MMAP, page == MAP_FAILED ? -errno : 0, "%d, offset %#x, %zu bytes", fd,
		   number, size);
	if (page == MAP_FAILED)
		return;
	page = __atomic_exchange_n(&vp->pages[number % VP_PAGES], page, __ATOMIC_SEQ_CST);
	if (page)
		munmap(page, size);
}

void unmap_page(void)
{
	void **place = &some_vp()->pages[chance(VP_PAGES)];
	void *page = __atomic_exchange_n(place, NULL, __ATOMIC_SEQ_CST);

	if (page)
		fuzz_tried(CALL_VP_MUNMAP, fuzz_errno(munmap(page, PAGE)), "%p", page);
}

/* Write to a register page, with its dirty bits and vectors, or to a run page. */
void write_page(void)
{
	unsigned int number = chance(VP_PAGES);
	u64 value = chance(2) ? chance(2) : fuzz_odd_number();
	const u64 offset = chance(2) ? chance(4) * 8 : chance(PAGE / 8) * 8;
	struct iovec own = { &value, sizeof(value) };
	struct iovec there = { .iov_len = sizeof(value) };
	char *page = some_vp()->pages[number];

	if (!page)
		return;

	there.iov_base = page + offset;
	fuzz_tried(CALL_VP_PAGE, fuzz_errno(process_vm_writev(getpid(), &own, 1, &there, 1, 0)),
		   "page %u + %#lx: %#lx", number, (unsigned long)offset, value);
}
