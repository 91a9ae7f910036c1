// SPDX-License-Identifier: GPL-2.0-only
/*
 * The test port.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/kernel.h>

#include "../child/vp.h"
#include "../hv/fault.h"
#include "../hv/log.h"
#include "../hv/partition.h"
#include "../hv/stats_page.h"
#include "../hv/synic.h"
#include "../hv/synic_state.h"
#include "quiet.h"
#include "test_port.h"

static char line[512];
static size_t line_used;
static bool line_too_long;
static char answer[8192];
static size_t answer_read;

static void __printf(1, 2) say(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(answer, sizeof(answer), fmt, args);
	va_end(args);
}

/* The VP that a word names, or NULL after saying that there is none. */
static struct vp *find_vp(struct partition *partition, char **text)
{
	unsigned long index;
	char *end;

	index = strtoul(*text, &end, 0);
	if (end == *text || index >= partition->nr_vps) {
		say("error there is no such VP");
		return NULL;
	}
	*text = end;
	return &partition->vps[index];
}

static void do_mark(struct partition *partition, char *text)
{
	(void)partition;
	log_event(LOG_NO_VP, "mark", "text=\"%s\"", text);
	say("ok");
}

static void do_times(struct partition *partition, char *text)
{
	log_event(LOG_NO_VP, "mark", "text=\"%s\"", text);
	child_vp_log_times(partition);
	say("ok");
}

static void do_fault(struct partition *partition, char *text)
{
	const char *wrong = fault_add(&partition->faults, text);

	if (wrong) {
		say("error %s", wrong);
		return;
	}
	log_event(LOG_NO_VP, "fault", "text=\"%s\"", text);
	say("ok");
}

static void do_faults(struct partition *partition, char *text)
{
	unsigned int applied = 0, i;

	if (strcmp(text, "clear")) {
		say("error only: faults clear");
		return;
	}
	for (i = 0; i < partition->faults.count; i++)
		applied += partition->faults.list[i].applied;
	log_event(LOG_NO_VP, "faults-cleared", "count=%u applied=%u",
		  partition->faults.count, applied);
	partition->faults.count = 0;
	say("ok %u", applied);
}

static void do_quiet(struct partition *partition, char *text)
{
	char why[128];

	(void)text;
	if (partition_is_quiet(partition, why, sizeof(why)))
		say("ok");
	else
		say("error %s", why);
}

/*
 * What a driver could not unmap, whatever it did; and what it has deposited, so
 * that it must do so again.
 */
static void do_forget(struct partition *partition, char *text)
{
	(void)text;
	log_event(LOG_NO_VP, "forget", "statistics-pages=%u deposited=%u",
		  partition->stats.count, partition->nr_deposited);
	partition->stats.count = 0;
	partition->nr_deposited = 0;
	say("ok");
}

static void do_synic(struct partition *partition, char *text)
{
	size_t used = 0;
	u32 i, sint;

	(void)text;
	used += snprintf(answer, sizeof(answer), "ok");
	for (i = 0; i < partition->nr_vps && used < sizeof(answer) / 2; i++) {
		const struct synic *synic = &partition->vps[i].synic;

		used += snprintf(answer + used, sizeof(answer) - used,
				 " vp%u waiting=%u scontrol=0x%llx siefp=0x%llx simp=0x%llx sirbp=0x%llx",
				 i, synic_waiting(synic),
				 (unsigned long long)synic->scontrol.as_uint64,
				 (unsigned long long)synic->siefp.as_uint64,
				 (unsigned long long)synic->simp.as_uint64,
				 (unsigned long long)synic->sirbp.as_uint64);
		for (sint = 0; sint < HV_SYNIC_SINT_COUNT; sint++)
			if (!synic->sint[sint].masked)
				used += snprintf(answer + used, sizeof(answer) - used,
						 " sint%u=0x%llx", sint,
						 (unsigned long long)synic->sint[sint].as_uint64);
	}
}

static void do_children(struct partition *partition, char *text)
{
	(void)text;
	say("ok %u", partition->nr_children);
}

static void do_violations(struct partition *partition, char *text)
{
	(void)partition;
	(void)text;
	say("ok %u", log_violations());
}

/*
 * Messages for SINT0 of a VP, as the words say. Returns how many, or 0 after
 * saying what is wrong.
 */
static unsigned long parse_messages(struct partition *partition, char *text,
				    struct vp **vp, struct hv_message *message)
{
	unsigned int count = 0;
	unsigned long copies;
	char *end;

	*message = (struct hv_message) { };
	*vp = find_vp(partition, &text);
	if (!*vp)
		return 0;
	copies = strtoul(text, &end, 0);
	text = end;
	message->header.message_type = strtoul(text, &end, 0);
	if (end == text || !copies || !message->header.message_type) {
		say("error a number of messages or a type is missing");
		return 0;
	}
	for (text = end; *text && count < HV_MESSAGE_PAYLOAD_QWORD_COUNT; text = end) {
		message->u.payload[count] = strtoull(text, &end, 0);
		if (end == text)
			break;
		count++;
	}
	message->header.payload_size = count * sizeof(u64);
	message->header.sender = partition->id;
	say("ok");
	return copies;
}

static void do_message(struct partition *partition, char *text)
{
	struct hv_message message;
	unsigned long copies;
	struct vp *vp;

	copies = parse_messages(partition, text, &vp, &message);
	while (copies--) {
		if (!synic_post(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX, &message)) {
			say("error too many messages wait");
			break;
		}
	}
}

static void do_at_mask(struct partition *partition, char *text)
{
	struct hv_message message;
	struct synic_queue *queue;
	unsigned long copies;
	struct vp *vp;

	copies = parse_messages(partition, text, &vp, &message);
	if (!copies)
		return;
	queue = &vp->synic.at_mask;
	if (copies > SYNIC_QUEUE_MAX) {
		say("error too many messages");
		return;
	}
	for (queue->count = 0; queue->count < copies; queue->count++)
		queue->messages[queue->count] = message;
}

static void do_late(struct partition *partition, char *text)
{
	struct vp *vp = find_vp(partition, &text);
	union hv_synic_sint sint;

	if (!vp)
		return;
	sint = vp->synic.sint[HV_SYNIC_INTERCEPTION_SINT_INDEX];
	if (!vp->synic.scontrol.enable || sint.masked) {
		say("error its SynIC takes no messages");
		return;
	}
	vp->synic.late_vector = sint.vector;
	say("ok");
}

static void do_pending(struct partition *partition, char *text)
{
	struct vp *vp = find_vp(partition, &text);

	if (vp)
		say("ok slot=0x%x waiting=%u ring=%u",
		    synic_slot_type(vp, HV_SYNIC_INTERCEPTION_SINT_INDEX),
		    synic_waiting(&vp->synic),
		    synic_ringing(vp, HV_SYNIC_DOORBELL_SINT_INDEX));
}

static void do_drop(struct partition *partition, char *text)
{
	struct vp *vp = find_vp(partition, &text);

	if (!vp)
		return;
	synic_drop(vp);
	log_event(vp->index, "drop", "sint=%u", HV_SYNIC_INTERCEPTION_SINT_INDEX);
	say("ok");
}

static void do_hibernation(struct partition *partition, char *text)
{
	(void)text;
	partition->hibernates = true;
	say("ok");
}

static void do_scribble(struct partition *partition, char *text)
{
	(void)text;
	log_event(LOG_NO_VP, "scribble", "pages=%u", partition->stats.count);
	stats_scribble(partition);
	say("ok %u", partition->stats.count);
}

static void do_scribbled(struct partition *partition, char *text)
{
	char why[128];

	(void)text;
	if (stats_are_scribbled(partition, why, sizeof(why)))
		say("ok");
	else
		say("error %s", why);
}

static void do_ring(struct partition *partition, char *text)
{
	unsigned long port;
	struct vp *vp;
	char *end;

	vp = find_vp(partition, &text);
	if (!vp)
		return;
	port = strtoul(text, &end, 0);
	if (end == text || !port) {
		say("error a port is missing");
		return;
	}
	if (synic_ring(vp, HV_SYNIC_DOORBELL_SINT_INDEX, port))
		say("ok");
	else
		say("error the ring is disabled or full");
}

static const struct {
	const char *name;
	void (*run)(struct partition *partition, char *text);
} commands[] = {
	{ "mark", do_mark },
	{ "times", do_times },
	{ "fault", do_fault },
	{ "faults", do_faults },
	{ "quiet", do_quiet },
	{ "forget", do_forget },
	{ "synic", do_synic },
	{ "children", do_children },
	{ "violations", do_violations },
	{ "message", do_message },
	{ "ring", do_ring },
	{ "at-mask", do_at_mask },
	{ "late", do_late },
	{ "pending", do_pending },
	{ "drop", do_drop },
	{ "hibernation", do_hibernation },
	{ "scribble", do_scribble },
	{ "scribbled", do_scribbled },
};

static void run(struct partition *partition)
{
	char *text = strchr(line, ' ');
	size_t i;

	if (text)
		*text++ = '\0';
	else
		text = line + strlen(line);
	for (i = 0; i < ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, line)) {
			commands[i].run(partition, text);
			return;
		}
	}
	say("error there is no such command");
}

u8 test_port_read(struct vp *vp)
{
	(void)vp;
	return answer[answer_read] ? answer[answer_read++] : 0;
}

void test_port_write(struct vp *vp, u8 byte)
{
	if (byte != '\n') {
		if (line_used < sizeof(line) - 1)
			line[line_used++] = byte;
		else
			line_too_long = true;
		return;
	}
	line[line_used] = '\0';
	line_used = 0;
	answer_read = 0;
	if (line_too_long)
		say("error the line is too long");
	else
		run(vp->partition);
	line_too_long = false;
}
