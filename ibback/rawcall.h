/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System calls that touch nothing of libc's, not even errno: for a process that has
 * the memory, and so the thread-local variables, of another.
 */
#ifndef XEN_IB_IBBACK_RAWCALL_H
#define XEN_IB_IBBACK_RAWCALL_H

#include <stdint.h>

/* Whatever such a process executes must not be instrumented either. */
#define NO_LIBC __attribute__((no_sanitize("address", "undefined")))

/* Returns what the kernel does: -errno on failure. */
NO_LIBC static inline long rawcall(long number, uintptr_t a, uintptr_t b, uintptr_t c,
				   uintptr_t d, uintptr_t e)
{
#if defined(__x86_64__)
	register uintptr_t r10 __asm__("r10") = d;
	register uintptr_t r8 __asm__("r8") = e;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8)
			 : "rcx", "r11", "memory");
	return result;
#elif defined(__aarch64__)
	register uintptr_t x0 __asm__("x0") = a;
	register uintptr_t x1 __asm__("x1") = b;
	register uintptr_t x2 __asm__("x2") = c;
	register uintptr_t x3 __asm__("x3") = d;
	register uintptr_t x4 __asm__("x4") = e;
	register long x8 __asm__("x8") = number;

	__asm__ volatile("svc 0"
			 : "+r"(x0)
			 : "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x8)
			 : "memory");
	return (long)x0;
#else
#error "want this processor's system call"
#endif
}

#endif
