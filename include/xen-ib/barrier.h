/* SPDX-License-Identifier: MIT */
/*
 * Access to a word that the other domain reads or writes at the same time,
 * named by purpose. The other side is another vCPU even for a uniprocessor
 * guest, so the kernel's virt_ forms are used and not its smp_ ones.
 */
#ifndef XEN_IB_BARRIER_H
#define XEN_IB_BARRIER_H

#include <xen-ib/types.h>

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/compiler.h>
#include <asm/barrier.h>
#include <asm/sync_bitops.h>

/* Read a word before anything that follows: pairs with vib_publish32(). */
#define vib_observe32(p)    virt_load_acquire(p)
/* Write a word after everything before it: what it announces is complete. */
#define vib_publish32(p, v) virt_store_release(p, v)
/* Read or write one word with no order to others. */
#define vib_read32(p)       READ_ONCE(*(p))
#define vib_write32(p, v)   WRITE_ONCE(*(p), v)
/* Everything before is seen by the other side before anything after is read. */
#define vib_full_barrier()  virt_mb()
/* A copy was made of what the other side may change: nothing is read there again. */
#define vib_copy_barrier()  barrier()

static inline __u64 vib_xchg64(__u64 *p, __u64 v)
{
	return xchg(p, v); /* never stripped of its lock prefix on UP */
}

static inline void vib_or64(__u64 *p, __u64 bits)
{
	__u64 old = READ_ONCE(*p), seen;

	while ((seen = sync_cmpxchg(p, old, old | bits)) != old)
		old = seen;
}

#else

#define vib_observe32(p)    __atomic_load_n(p, __ATOMIC_ACQUIRE)
#define vib_publish32(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)
#define vib_read32(p)       __atomic_load_n(p, __ATOMIC_RELAXED)
#define vib_write32(p, v)   __atomic_store_n(p, v, __ATOMIC_RELAXED)
#define vib_full_barrier()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define vib_copy_barrier()  __asm__ volatile("" ::: "memory")

static inline __u64 vib_xchg64(__u64 *p, __u64 v)
{
	return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);
}

static inline void vib_or64(__u64 *p, __u64 bits)
{
	__atomic_fetch_or(p, bits, __ATOMIC_SEQ_CST);
}

/* What xen/io/ring.h asks of its includer. */
#ifndef xen_mb
#define xen_mb()  __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define xen_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)
#define xen_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#endif

#endif /* __KERNEL__ */

#endif
