/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The guest's console: an 8250 (16550A) at COM1, standard input and output.
 */
#ifndef _HVEMU_UART_H
#define _HVEMU_UART_H

#include <linux/types.h>

#define UART_PORT	0x3f8
#define UART_PORTS	8
#define UART_IRQ	4

/**
 * uart_init() - start the console
 * @set_irq: what drives its interrupt line
 * @quit: what to do when the user types Ctrl-A x; on a terminal only
 *
 * Return: 0 or a negative errno.
 */
int uart_init(void (*set_irq)(bool level), void (*quit)(void));

/* The guest reads or writes the register at UART_PORT + @reg. Any thread. */
u8 uart_read(u8 reg);
void uart_write(u8 reg, u8 value);

/*
 * Have input wait, or go on. A driver that starts empties the receiver, so that what
 * a script has ready would be lost. A terminal is not held: Ctrl-A x counts.
 */
void uart_hold(bool hold);

/* Write out what is buffered, and give the terminal back. */
void uart_exit(void);

#endif /* _HVEMU_UART_H */
