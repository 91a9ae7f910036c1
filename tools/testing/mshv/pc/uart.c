// SPDX-License-Identifier: GPL-2.0-only
/*
 * The guest's console.
 *
 * A transmitter that is always empty, a receiver of one byte that standard
 * input feeds, and the two interrupts that go with them.
 */

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

#include <linux/serial_reg.h>

#include "uart.h"

/* How long output may wait for more of its line. */
#define FLUSH_MS	20

static struct uart {
	pthread_mutex_t lock;
	void (*set_irq)(bool level);
	void (*quit)(void);
	bool held;		/* input waits; that of a terminal does not */
	bool escape;		/* Ctrl-A was typed */
	u8 ier, lcr, mcr, fcr, scr, dll, dlm;
	bool thr_interrupt;	/* transmitter is empty and not yet said so */
	bool received;
	u8 rbr;
	char out[256];
	size_t out_used;
	bool raw;
	struct termios terminal;
} uart = {
	.lock = PTHREAD_MUTEX_INITIALIZER,
};

static void flush(void)
{
	size_t done = 0;
	ssize_t n;

	while (done < uart.out_used) {
		n = write(STDOUT_FILENO, uart.out + done, uart.out_used - done);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break;
		if (n > 0)
			done += n;
	}
	uart.out_used = 0;
}

/* Which interrupt is the most urgent that is due and enabled. */
static u8 pending(void)
{
	if (uart.received && (uart.ier & UART_IER_RDI))
		return UART_IIR_RDI;
	if (uart.thr_interrupt && (uart.ier & UART_IER_THRI))
		return UART_IIR_THRI;
	return UART_IIR_NO_INT;
}

static void update_irq(void)
{
	uart.set_irq(pending() != UART_IIR_NO_INT);
}

static u8 read_iir(void)
{
	u8 iir = pending();

	/* Reading is what acknowledges an empty transmitter. */
	if (iir == UART_IIR_THRI) {
		uart.thr_interrupt = false;
		update_irq();
	}
	return iir | (uart.fcr & UART_FCR_ENABLE_FIFO ? 0xc0 : 0);
}

static u8 read_register(u8 reg)
{
	switch (reg) {
	case UART_RX:
		if (uart.lcr & UART_LCR_DLAB)
			return uart.dll;
		uart.received = false;
		update_irq();
		return uart.rbr;
	case UART_IER:
		return uart.lcr & UART_LCR_DLAB ? uart.dlm : uart.ier;
	case UART_IIR:
		return read_iir();
	case UART_LCR:
		return uart.lcr;
	case UART_MCR:
		return uart.mcr;
	case UART_LSR:
		return UART_LSR_TEMT | UART_LSR_THRE | (uart.received ? UART_LSR_DR : 0);
	case UART_MSR:
		/* In loopback the outputs come back as inputs. */
		if (uart.mcr & UART_MCR_LOOP)
			return (uart.mcr & UART_MCR_RTS ? UART_MSR_CTS : 0) |
			       (uart.mcr & UART_MCR_DTR ? UART_MSR_DSR : 0) |
			       (uart.mcr & UART_MCR_OUT1 ? UART_MSR_RI : 0) |
			       (uart.mcr & UART_MCR_OUT2 ? UART_MSR_DCD : 0);
		return UART_MSR_DCD | UART_MSR_DSR | UART_MSR_CTS;
	default:
		return uart.scr;
	}
}

static void transmit(u8 value)
{
	if (uart.mcr & UART_MCR_LOOP)
		return;
	uart.out[uart.out_used++] = value;
	if (value == '\n' || uart.out_used == sizeof(uart.out))
		flush();
	uart.thr_interrupt = true;
	update_irq();
}

static void write_register(u8 reg, u8 value)
{
	switch (reg) {
	case UART_TX:
		if (uart.lcr & UART_LCR_DLAB)
			uart.dll = value;
		else
			transmit(value);
		break;
	case UART_IER:
		if (uart.lcr & UART_LCR_DLAB) {
			uart.dlm = value;
			break;
		}
		/* Enabling it while the transmitter is empty raises it. */
		if ((value & UART_IER_THRI) && !(uart.ier & UART_IER_THRI))
			uart.thr_interrupt = true;
		uart.ier = value & 0xf;
		update_irq();
		break;
	case UART_FCR:
		uart.fcr = value;
		break;
	case UART_LCR:
		uart.lcr = value;
		break;
	case UART_MCR:
		uart.mcr = value & 0x1f;
		break;
	case UART_SCR:
		uart.scr = value;
		break;
	}
}

u8 uart_read(u8 reg)
{
	u8 value;

	pthread_mutex_lock(&uart.lock);
	value = read_register(reg);
	pthread_mutex_unlock(&uart.lock);
	return value;
}

void uart_write(u8 reg, u8 value)
{
	pthread_mutex_lock(&uart.lock);
	write_register(reg, value);
	pthread_mutex_unlock(&uart.lock);
}

/* Ctrl-A x quits, Ctrl-A Ctrl-A is one Ctrl-A. */
static void receive(u8 byte)
{
	const u8 ctrl_a = 1;

	if (uart.raw && !uart.escape && byte == ctrl_a) {
		uart.escape = true;
		return;
	}
	if (uart.escape && byte == 'x')
		uart.quit();
	uart.escape = false;
	uart.rbr = byte;
	uart.received = true;
	update_irq();
}

/*
 * Feeds the receiver, a byte when it is free, and sees that output does not wait
 * for ever.
 */
static void *uart_thread(void *unused)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	bool open = true, ready;
	u8 byte;

	for (;;) {
		pthread_mutex_lock(&uart.lock);
		flush();
		ready = open && !uart.received && (uart.raw || !uart.held);
		pthread_mutex_unlock(&uart.lock);

		if (poll(&input, ready, FLUSH_MS) <= 0)
			continue;
		open = read(STDIN_FILENO, &byte, 1) == 1;
		if (!open)
			continue;
		pthread_mutex_lock(&uart.lock);
		receive(byte);
		pthread_mutex_unlock(&uart.lock);
	}
	return unused;
}

int uart_init(void (*set_irq)(bool level), void (*quit)(void))
{
	struct termios raw;
	pthread_t thread;

	uart.set_irq = set_irq;
	uart.quit = quit;
	if (isatty(STDIN_FILENO) && !tcgetattr(STDIN_FILENO, &uart.terminal)) {
		raw = uart.terminal;
		cfmakeraw(&raw);
		raw.c_oflag |= OPOST;
		if (!tcsetattr(STDIN_FILENO, TCSANOW, &raw))
			uart.raw = true;
	}
	return -pthread_create(&thread, NULL, uart_thread, NULL);
}

void uart_hold(bool hold)
{
	pthread_mutex_lock(&uart.lock);
	uart.held = hold;
	pthread_mutex_unlock(&uart.lock);
}

void uart_exit(void)
{
	pthread_mutex_lock(&uart.lock);
	flush();
	if (uart.raw)
		tcsetattr(STDIN_FILENO, TCSANOW, &uart.terminal);
	pthread_mutex_unlock(&uart.lock);
}
