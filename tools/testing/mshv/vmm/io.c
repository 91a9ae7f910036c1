// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instructions that access ports. The hypervisor says which port, how wide, and
 * whether it is a string instruction. Where the string is, is for the VMM to find
 * out: the address size depends on prefixes.
 */

#include <linux/bits.h>

#include "io.h"

#define PREFIX_OPERAND_SIZE	0x66
#define PREFIX_ADDRESS_SIZE	0x67
#define PREFIX_LOCK		0xf0
#define PREFIX_REPNE		0xf2
#define PREFIX_REP		0xf3
#define REX(byte)		(((byte) & 0xf0) == 0x40)

#define RFLAGS_DF		BIT(10)

/* A string instruction. */
struct string {
	unsigned int bits;	/* of its addresses */
	bool override;		/* has a segment prefix */
	u64 base;		/* of its segment */
};

static bool is_segment_prefix(u8 byte)
{
	switch (byte) {
	case 0x26:
	case 0x2e:
	case 0x36:
	case 0x3e:
	case 0x64:
	case 0x65:
		return true;
	default:
		return false;
	}
}

/* Look at the prefixes, as far as the hypervisor has fetched them. */
static void parse_string(struct string *string,
			 const struct hv_x64_io_port_intercept_message *message)
{
	bool is_long = message->header.execution_state.efer_lma &&
		       message->header.cs_segment._long;
	bool is_32 = message->header.cs_segment._default;
	bool is_in = message->header.intercept_access_type == HV_INTERCEPT_ACCESS_READ;
	u8 count = message->instruction_byte_count, byte, i;
	bool other_size = false;

	string->override = false;
	if (count > sizeof(message->instruction_bytes))
		count = sizeof(message->instruction_bytes);
	for (i = 0; i < count; i++) {
		byte = message->instruction_bytes[i];
		if (byte == PREFIX_ADDRESS_SIZE)
			other_size = true;
		else if (is_segment_prefix(byte))
			string->override = true;
		else if (byte != PREFIX_OPERAND_SIZE && byte != PREFIX_LOCK &&
			 byte != PREFIX_REPNE && byte != PREFIX_REP &&
			 !(is_long && REX(byte)))
			break;
	}

	if (is_long)
		string->bits = other_size ? 32 : 64;
	else
		string->bits = is_32 != other_size ? 32 : 16;
	string->base = is_in ? message->es_segment.base : message->ds_segment.base;
	if (is_long)
		string->base = 0;
	/* INS has no other segment than ES. */
	if (is_in)
		string->override = false;
}

static u64 address_mask(unsigned int bits)
{
	return bits == 64 ? ~0ULL : BIT_ULL(bits) - 1;
}

/* A register that an instruction with such addresses has changed. */
static u64 change(u64 old, u64 value, unsigned int bits)
{
	u64 mask = address_mask(bits);

	/* As everywhere, 32 bits clear those above them, and 16 do not. */
	return bits == 16 ? (old & ~mask) | (value & mask) : value & mask;
}

/* One element, at an address of the guest. */
static const char *move(const struct io_bus *bus, u64 address, u16 port, u8 size,
			bool is_in)
{
	u8 *bytes[4];
	u32 value = 0;
	u8 i;

	/* Before the port is touched: that cannot be undone. */
	for (i = 0; i < size; i++) {
		bytes[i] = bus->memory(bus->context, address + i, is_in);
		if (!bytes[i])
			return "its string is not in memory";
	}

	if (is_in)
		value = bus->in(bus->context, port, size);
	for (i = 0; i < size; i++) {
		if (is_in)
			*bytes[i] = value >> 8 * i;
		else
			value |= (u32)*bytes[i] << 8 * i;
	}
	if (!is_in)
		bus->out(bus->context, port, size, value);
	return NULL;
}

static void advance(struct hv_vp_register_page *regs,
		    const struct hv_x64_intercept_message_header *header)
{
	regs->rip = header->rip + header->instruction_length;
	if (!header->cs_segment._long)
		regs->rip = (u32)regs->rip;
	regs->dirty |= BIT(HV_X64_REGISTER_CLASS_IP);
}

static const char *emulate_string(const struct hv_x64_io_port_intercept_message *message,
				  struct hv_vp_register_page *regs,
				  const struct io_bus *bus)
{
	bool is_in = message->header.intercept_access_type == HV_INTERCEPT_ACCESS_READ;
	bool rep = message->rep_prefix;
	u8 size = message->access_size;
	u64 mask, count, pointer, step, done;
	const char *wrong = NULL;
	struct string string;

	parse_string(&string, message);
	if (string.override)
		return "it has a segment prefix";
	mask = address_mask(string.bits);
	pointer = is_in ? regs->rdi : regs->rsi;
	count = rep ? regs->rcx & mask : 1;
	step = message->header.rflags & RFLAGS_DF ? -(u64)size : size;

	for (done = 0; done < count && done < IO_BURST; done++, pointer += step) {
		u64 address = string.base + (pointer & mask);

		/* Linear addresses are as long as in the mode. */
		if (string.bits != 64)
			address = (u32)address;
		wrong = move(bus, address, message->port_number, size, is_in);
		if (wrong)
			break;
	}

	if (is_in)
		regs->rdi = change(regs->rdi, pointer, string.bits);
	else
		regs->rsi = change(regs->rsi, pointer, string.bits);
	if (rep)
		regs->rcx = change(regs->rcx, count - done, string.bits);
	regs->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
	/* What is left of it begins anew at the same instruction. */
	if (done == count)
		advance(regs, &message->header);
	return wrong;
}

const char *io_emulate(const struct hv_x64_io_port_intercept_message *message,
		       struct hv_vp_register_page *regs, const struct io_bus *bus)
{
	u8 size = message->access_size;
	u32 value;

	if (size != 1 && size != 2 && size != 4)
		return "its size is none that there is";
	if (message->string_op)
		return emulate_string(message, regs, bus);

	if (message->header.intercept_access_type == HV_INTERCEPT_ACCESS_WRITE) {
		value = regs->rax & (BIT_ULL(8 * size) - 1);
		bus->out(bus->context, message->port_number, size, value);
	} else {
		value = bus->in(bus->context, message->port_number, size);
		if (size == 4)
			regs->rax = value;
		else
			regs->rax = (regs->rax & ~(BIT_ULL(8 * size) - 1)) |
				    (value & (BIT_ULL(8 * size) - 1));
		regs->dirty |= BIT(HV_X64_REGISTER_CLASS_GENERAL);
	}
	advance(regs, &message->header);
	return NULL;
}
