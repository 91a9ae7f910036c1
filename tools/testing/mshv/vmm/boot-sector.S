/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The first sector of a disk: loads Linux from what follows it, with the BIOS's help,
 * and starts it by the 16-bit boot protocol (Documentation/arch/x86/boot.rst).
 *
 * The command line is the second sector, the setup part of the kernel follows. Whoever
 * makes the disk writes the numbers at "table": where the other parts lie, in sectors,
 * and how large they are, in chunks of 64 sectors.
 */

	.code16
	.globl	_start

#define CHUNK_SECTORS	64
#define SETUP_SEGMENT	0x9000
#define COMMAND_LINE_SEGMENT	0x9e00
#define BUFFER_SEGMENT	0x1000
#define BUFFER		0x10000
#define STACK		0x7c00
#define HEAP_END	0xde00

/* Fields of the header, at SETUP_SEGMENT. */
#define TYPE_OF_LOADER	0x210
#define LOADFLAGS	0x211
#define CAN_USE_HEAP	0x80
#define RAMDISK_IMAGE	0x218
#define RAMDISK_SIZE	0x21c
#define HEAP_END_PTR	0x224
#define CMD_LINE_PTR	0x228

_start:
	ljmp	$0, $1f
	.org	8
table:
setup_sectors:	.word	0
kernel_chunks:	.word	0
kernel_sector:	.long	0
initrd_chunks:	.word	0
		.word	0
initrd_sector:	.long	0
initrd_address:	.long	0
initrd_size:	.long	0

1:	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$STACK, %sp
	sti
	cld
	movb	%dl, drive

	/* The command line; the part that runs in real mode, with its header. */
	movw	$1, packet_count
	movw	$COMMAND_LINE_SEGMENT, packet_segment
	movl	$1, packet_sector
	call	read
	movw	setup_sectors, %ax
	movw	%ax, packet_count
	movw	$SETUP_SEGMENT, packet_segment
	movl	$2, packet_sector
	call	read

	/* The kernel, to 1 MiB; the initramfs. */
	movl	$0x100000, %edi
	movl	kernel_sector, %eax
	movw	kernel_chunks, %cx
	call	load
	movl	initrd_address, %edi
	movl	initrd_sector, %eax
	movw	initrd_chunks, %cx
	call	load

	movw	$SETUP_SEGMENT, %ax
	movw	%ax, %es
	movb	$0xff, %es:TYPE_OF_LOADER
	orb	$CAN_USE_HEAP, %es:LOADFLAGS
	movw	$HEAP_END, %es:HEAP_END_PTR
	movl	initrd_address, %eax
	movl	%eax, %es:RAMDISK_IMAGE
	movl	initrd_size, %eax
	movl	%eax, %es:RAMDISK_SIZE
	movl	$(COMMAND_LINE_SEGMENT << 4), %es:CMD_LINE_PTR

	cli
	movw	$SETUP_SEGMENT, %ax
	movw	%ax, %ds
	movw	%ax, %fs
	movw	%ax, %gs
	movw	%ax, %ss
	movw	$HEAP_END, %sp
	ljmp	$(SETUP_SEGMENT + 0x20), $0

/* Chunks, CX of them from sector EAX, to address EDI. */
load:
	movl	%eax, packet_sector
1:	jcxz	2f
	pushw	%cx
	movw	$CHUNK_SECTORS, packet_count
	movw	$BUFFER_SEGMENT, packet_segment
	call	read
	addl	$CHUNK_SECTORS, packet_sector
	/* Above 1 MiB real mode does not reach: the BIOS copies. */
	movl	%edi, %eax
	movw	%ax, to_base
	shrl	$16, %eax
	movb	%al, to_base_16
	movb	%ah, to_base_24
	movw	$(CHUNK_SECTORS * 512 / 2), %cx
	movw	$descriptors, %si
	pushw	%es
	pushl	%edi
	xorw	%ax, %ax
	movw	%ax, %es
	movb	$0x87, %ah
	int	$0x15
	popl	%edi
	popw	%es
	jc	fail
	addl	$(CHUNK_SECTORS * 512), %edi
	popw	%cx
	decw	%cx
	jmp	1b
2:	ret

/* What the packet says, from the disk. */
read:
	movb	$0x42, %ah
	movb	drive, %dl
	movw	$packet, %si
	pushl	%edi
	int	$0x13
	popl	%edi
	jc	fail
	ret

fail:
	movw	$message, %si
1:	lodsb
	testb	%al, %al
	jz	2f
	movb	$0x0e, %ah
	xorw	%bx, %bx
	int	$0x10
	jmp	1b
2:	hlt
	jmp	2b

message:	.asciz	"boot sector: the disk cannot be read\r\n"
drive:		.byte	0

	.balign	4
packet:		.byte	16, 0
packet_count:	.word	0
		.word	0
packet_segment:	.word	0
packet_sector:	.long	0, 0

	/* Two empty, from, to, two for the BIOS. */
	.balign	8
descriptors:
	.fill	16
	.word	0xffff, BUFFER & 0xffff
	.byte	BUFFER >> 16, 0x93
	.word	0
	.word	0xffff
to_base:	.word	0
to_base_16:	.byte	0
		.byte	0x93, 0
to_base_24:	.byte	0
	.fill	16

	.org	510
	.word	0xaa55
