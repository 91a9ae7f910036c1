// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages and files of a partition: what can be mapped, what outlives what, and what another
 * process has of them.
 */

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "files_fixture.h"
#include "harness.h"
#include "vm.h"

/* Two of the pages are there, and no more. */
TEST_F(files, mmap_bad)
{
	static const unsigned int missing[] = {
		MSHV_VP_MMAP_OFFSET_COUNT, MSHV_VP_MMAP_OFFSET_COUNT + 1, 0x100000,
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(missing); i++) {
		EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
					   missing[i] * PAGE));
		EXPECT_EQ(EINVAL, errno);
	}
	/* Partitions whose memory is encrypted have it. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
				   MSHV_VP_MMAP_OFFSET_GHCB * PAGE));
	EXPECT_EQ(ENODEV, errno);
	/* Partitions have nothing to map. */
	EXPECT_EQ(MAP_FAILED, mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vm.fd, 0));
}

TEST_F(files, mmap_both_pages)
{
	const struct hv_message *message;
	u32 value;

	message = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, self->vp.fd,
		       MSHV_VP_MMAP_OFFSET_INTERCEPT_MESSAGE * PAGE);
	ASSERT_NE(MAP_FAILED, message);
	vp_enter(&self->vp, GUEST_LONG, &guest_hello);
	ASSERT_EQ(0, vp_run_to_report(&self->vp, &value));
	EXPECT_EQ(0, memcmp(message, &self->vp.msg, sizeof(*message)));
	EXPECT_EQ(1, self->vp.page->isvalid);
	EXPECT_EQ(HV_VP_REGISTER_PAGE_VERSION_1, self->vp.page->version);
}

/*
 * A mapping longer than a page may be refused. If it is not, what is left of it
 * when its first pages go must be one of the pages or SIGBUS.
 */
static void touch_what_is_left(int fd)
{
	const size_t size = (MSHV_VP_MMAP_OFFSET_COUNT + 1) * PAGE;
	unsigned char *pages;
	unsigned int i;

	pages = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (pages == MAP_FAILED)
		_exit(0);
	for (i = 1; i <= MSHV_VP_MMAP_OFFSET_COUNT; i++) {
		munmap(pages + (i - 1) * PAGE, PAGE);
		READ_ONCE(pages[i * PAGE]);
	}
	_exit(0);
}

TEST_F(files, mmap_too_long)
{
	pid_t child = fork();
	int status;

	ASSERT_GE(child, 0);
	if (!child)
		touch_what_is_left(self->vp.fd);
	ASSERT_EQ(child, waitpid(child, &status, 0));
	EXPECT_TRUE(!status || (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS));
}

/* A VP keeps what it needs alive: it runs on when the other files are closed. */
TEST_F(files, vp_outlives_partition_file)
{
	close(self->vm.fd);
	self->vm.fd = -1;
	EXPECT_EQ(0, run_to_hello(&self->vp));
}

/* So does its register page, when no file is left. */
TEST_F(files, page_outlives_files)
{
	struct hv_vp_register_page *page = self->vp.page;

	ASSERT_EQ(0, run_to_hello(&self->vp));
	close(self->vp.fd);
	self->vp.fd = -1;
	close(self->vm.fd);
	self->vm.fd = -1;
	EXPECT_EQ(0x600d, READ_ONCE(page->rax));
	WRITE_ONCE(page->rbx, 1);
	EXPECT_EQ(1, READ_ONCE(page->rbx));
}

/* A VP whose file is closed is still there, and its number is taken. */
TEST_F(files, vp_outlives_its_file)
{
	vp_stop(&self->vp);
	EXPECT_EQ(-EEXIST, vm_add_vp(&self->vm, 0));
}

/* Take two files out of another process, which has written their numbers. */
static int take_files(pid_t from, int numbers, struct vm *vm, struct vp *vp)
{
	int pidfd = syscall(SYS_pidfd_open, from, 0);
	int fds[2];

	if (pidfd < 0 || read(numbers, fds, sizeof(fds)) != sizeof(fds))
		return -EPROTO;
	memset(vm, 0, sizeof(*vm));
	memset(vp, 0, sizeof(*vp));
	vm->fd = syscall(SYS_pidfd_getfd, pidfd, fds[0], 0);
	vp->fd = syscall(SYS_pidfd_getfd, pidfd, fds[1], 0);
	vp->vm = vm;
	close(pidfd);
	return vm->fd < 0 || vp->fd < 0 ? -errno : 0;
}

/* Have another process make a partition, take its files, and let it exit. */
static int inherit(struct vm *vm, struct vp *vp, bool with_memory)
{
	int numbers[2], go[2], ret, status;
	pid_t child;

	if (pipe(numbers) || pipe(go))
		return -errno;
	child = fork();
	if (!child) {
		close(go[1]);
		if (with_memory)
			vm_start(vm, VM_DEFAULT);
		else if (vm_create(vm, VM_DEFAULT) || vm_initialize(vm))
			_exit(1);
		vp_start(vm, vp, 0);
		if (with_memory)
			vp_enter(vp, GUEST_LONG, &guest_hello);
		if (write(numbers[1], (int []) { vm->fd, vp->fd }, 2 * sizeof(int)) < 0)
			_exit(1);
		/* Ends when the other side has taken them. */
		_exit(read(go[0], &status, 1) != 0);
	}
	close(numbers[1]);
	ret = take_files(child, numbers[0], vm, vp);
	close(numbers[0]);
	close(go[0]);
	close(go[1]);
	if (waitpid(child, &status, 0) != child || status)
		return -EPROTO;
	return ret;
}

/* A partition can be sent to another process, whose memory is its memory then. */
TEST(sent_to_another_process)
{
	const char *why = mshv_missing();
	struct vm vm, mine;
	struct vp vp;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, inherit(&vm, &vp, false));
	/* For its contents; its own partition is of no interest. */
	vm_start(&mine, VM_DEFAULT);
	vm.ram = mine.ram;
	ASSERT_EQ(0, vm_map(&vm, 0, vm.ram, GUEST_RAM_SIZE, MAP_RWX));
	EXPECT_EQ(0, run_to_hello(&vp));
	vp_stop(&vp);
	close(vm.fd);
	vm_stop(&mine);
}

/*
 * The memory of a process goes with it. Whoever has the VP is told that it got
 * nowhere, as of any access to memory that is not there.
 */
TEST(memory_went_with_another_process)
{
	const char *why = mshv_missing();
	struct vm vm;
	struct vp vp;

	if (why)
		SKIP(return, "%s", why);
	ASSERT_EQ(0, inherit(&vm, &vp, true));
	ASSERT_EQ(0, vp_run(&vp));
	EXPECT_TRUE(vp_met_memory(&vp))
		vp_print_message(&vp);
	vp_stop(&vp);
	vm_stop(&vm);
}

TEST_HARNESS_MAIN
