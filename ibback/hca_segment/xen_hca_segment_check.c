// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Looks what the memory of a process would be to an HCA, as ib_umem_get() has it.
 *
 * debugfs' xen_hca_segment_check takes "DEVICE PID ADDRESS LENGTH" (the last two are
 * C's numbers), registers that for a moment, and then says
 *
 *	segments 16 largest 4096 above_page 0 bounced 0
 *
 * A segment is bounced if its DMA address is not where its page is in the machine;
 * that is known of a PV domain alone, and "-" elsewhere.
 */

#include <linux/debugfs.h>
#include <linux/kthread.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#include <rdma/ib_umem.h>
#include <rdma/ib_verbs.h>
#include <xen/page.h>
#include <xen/xen.h>

#define COMMAND_MAX 160

struct check {
	struct work_struct work;
	struct ib_device *ib;
	struct mm_struct *mm;
	unsigned long address, length;

	int err;
	unsigned int segments, largest, above_page, bounced;
};

static DEFINE_MUTEX(lock); /* of what was found last */
static char found[96];
static struct dentry *file;

static bool is_bounced(struct scatterlist *sg)
{
	u64 machine = (u64)pfn_to_mfn(page_to_pfn(sg_page(sg))) << PAGE_SHIFT;

	return sg_dma_address(sg) != machine + sg->offset;
}

static void look_at(struct check *c, struct ib_umem *umem)
{
	struct scatterlist *sg;
	unsigned int i;

	for_each_sgtable_sg(&umem->sgt_append.sgt, sg, i) {
		c->segments++;
		c->largest = max(c->largest, sg->length);
		c->above_page += sg->length > PAGE_SIZE;
		if (xen_pv_domain() && is_bounced(sg))
			c->bounced++;
	}
}

/* A kernel's thread can take another's memory for its own. */
static void check_in_mm(struct work_struct *work)
{
	struct check *c = container_of(work, struct check, work);
	struct ib_umem *umem;

	kthread_use_mm(c->mm);
	umem = ib_umem_get(c->ib, c->address, c->length,
			   IB_ACCESS_LOCAL_WRITE | IB_ACCESS_REMOTE_WRITE);
	if (IS_ERR(umem)) {
		c->err = PTR_ERR(umem);
	} else {
		look_at(c, umem);
		ib_umem_release(umem);
	}
	kthread_unuse_mm(c->mm);
}

static struct mm_struct *mm_of(pid_t number)
{
	struct mm_struct *mm = NULL;
	struct task_struct *task;
	struct pid *pid;

	pid = find_get_pid(number);
	task = get_pid_task(pid, PIDTYPE_PID);
	put_pid(pid);
	if (!task)
		return NULL;
	mm = get_task_mm(task);
	put_task_struct(task);
	return mm;
}

static void run(struct check *c)
{
	INIT_WORK_ONSTACK(&c->work, check_in_mm);
	schedule_work(&c->work);
	flush_work(&c->work);
	destroy_work_on_stack(&c->work);
}

static void remember(const struct check *c)
{
	char bounced[16] = "-";

	if (xen_pv_domain())
		snprintf(bounced, sizeof(bounced), "%u", c->bounced);
	mutex_lock(&lock);
	snprintf(found, sizeof(found), "segments %u largest %u above_page %u bounced %s\n",
		 c->segments, c->largest, c->above_page, bounced);
	mutex_unlock(&lock);
}

static int check_device(struct check *c, pid_t pid)
{
	if (ib_uses_virt_dma(c->ib))
		return -EOPNOTSUPP;
	c->mm = mm_of(pid);
	if (!c->mm)
		return -ESRCH;
	run(c);
	mmput(c->mm);
	if (!c->err)
		remember(c);
	return c->err;
}

static ssize_t check_write(struct file *filp, const char __user *from, size_t size,
			   loff_t *pos)
{
	char command[COMMAND_MAX], name[IB_DEVICE_NAME_MAX];
	struct check c = {};
	pid_t pid;
	int err;

	BUILD_BUG_ON(IB_DEVICE_NAME_MAX != 64);
	if (size >= sizeof(command))
		return -EINVAL;
	if (copy_from_user(command, from, size))
		return -EFAULT;
	command[size] = '\0';
	if (sscanf(command, "%63s %d %li %li", name, &pid, &c.address, &c.length) != 4)
		return -EINVAL;
	c.ib = ib_device_get_by_name(name, RDMA_DRIVER_UNKNOWN);
	if (!c.ib)
		return -ENODEV;
	err = check_device(&c, pid);
	ib_device_put(c.ib);
	return err ?: size;
}

static ssize_t check_read(struct file *filp, char __user *to, size_t size, loff_t *pos)
{
	ssize_t n;

	mutex_lock(&lock);
	n = simple_read_from_buffer(to, size, pos, found, strlen(found));
	mutex_unlock(&lock);
	return n;
}

static const struct file_operations check_fops = {
	.owner = THIS_MODULE,
	.open = simple_open,
	.read = check_read,
	.write = check_write,
	.llseek = default_llseek,
};

static int __init check_init(void)
{
	file = debugfs_create_file(KBUILD_MODNAME, 0600, NULL, NULL, &check_fops);
	return PTR_ERR_OR_ZERO(file);
}

static void __exit check_exit(void)
{
	debugfs_remove(file);
}

module_init(check_init);
module_exit(check_exit);
MODULE_DESCRIPTION("Shows how an HCA would reach the memory of a process");
MODULE_LICENSE("GPL");
