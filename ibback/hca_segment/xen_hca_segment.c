// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * DMA segments of a page for the HCAs of a PV domain.
 *
 * ib_umem_get() merges pages whose frame numbers follow one another, up to the
 * device's max_seg_size. The pages of grant mappings that do so in a PV domain are not
 * contiguous in the machine, and swiotlb-xen maps what is not contiguous by copying it
 * to a buffer that is: an MR would be of that buffer and not of the guest's memory.
 * A segment of one page is always mapped as it is.
 */

#include <linux/dma-mapping.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/sysfs.h>

#include <rdma/ib_verbs.h>
#include <xen/xen.h>

#undef pr_fmt
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

/* What does the DMA: of one HCA, or of several, as with a card of two ports. */
struct dma_dev {
	struct list_head entry;
	struct device *dev; /* a reference */
	unsigned int hcas;
	unsigned int before; /* its max_segment_size */
};

struct hca {
	struct list_head entry;
	struct dma_dev *dma;
	char name[IB_DEVICE_NAME_MAX];
};

/* Protects both lists, and what is in them. */
static DEFINE_MUTEX(lock);
static LIST_HEAD(dma_devs);
static LIST_HEAD(hcas);

static struct dma_dev *dma_dev_cap(struct device *dev)
{
	struct dma_dev *dma;

	list_for_each_entry(dma, &dma_devs, entry)
		if (dma->dev == dev) {
			dma->hcas++;
			return dma;
		}
	dma = kzalloc(sizeof(*dma), GFP_KERNEL);
	if (!dma)
		return NULL;
	dma->dev = get_device(dev);
	dma->hcas = 1;
	dma->before = dev->dma_parms->max_segment_size;
	dma_set_max_seg_size(dev, PAGE_SIZE);
	list_add_tail(&dma->entry, &dma_devs);
	return dma;
}

/* A driver that has set a limit of its own meanwhile keeps it. */
static void dma_dev_uncap(struct dma_dev *dma)
{
	if (--dma->hcas)
		return;
	if (dma->dev->dma_parms && dma->dev->dma_parms->max_segment_size == PAGE_SIZE)
		dma_set_max_seg_size(dma->dev, dma->before);
	list_del(&dma->entry);
	put_device(dma->dev);
	kfree(dma);
}

static int hca_cap(struct ib_device *ib, struct hca *hca)
{
	/* ib_core has no function that sets it; what reads it is ib_dma_max_seg_size(). */
	struct device *dev = ib->dma_device;

	if (!dev->dma_parms)
		return -EIO;
	hca->dma = dma_dev_cap(dev);
	if (!hca->dma)
		return -ENOMEM;
	strscpy(hca->name, dev_name(&ib->dev), sizeof(hca->name));
	list_add_tail(&hca->entry, &hcas);
	return 0;
}

static struct ib_client client;

/*
 * What a processor copies needs no such segments: Soft-RoCE's memory, and that of a vib
 * (ibfront), whose device is on Xen's bus and has dma_map_ops of its own.
 */
static bool is_copied(struct ib_device *ib)
{
	struct device *dev = ib->dma_device;

	return ib_uses_virt_dma(ib) || (dev->bus && !strcmp(dev->bus->name, "xen"));
}

static int hca_add(struct ib_device *ib)
{
	struct hca *hca;
	int err;

	if (is_copied(ib))
		return -EOPNOTSUPP;
	hca = kzalloc(sizeof(*hca), GFP_KERNEL);
	if (!hca)
		return -ENOMEM;
	mutex_lock(&lock);
	err = hca_cap(ib, hca);
	mutex_unlock(&lock);
	if (err) {
		dev_err(&ib->dev, "the length of its DMA segments cannot be set: %d\n", err);
		kfree(hca);
		return err;
	}
	ib_set_client_data(ib, &client, hca);
	dev_info(&ib->dev, "DMA segments of one page\n");
	return 0;
}

static void hca_remove(struct ib_device *ib, void *data)
{
	struct hca *hca = data;

	mutex_lock(&lock);
	list_del(&hca->entry);
	dma_dev_uncap(hca->dma);
	mutex_unlock(&lock);
	kfree(hca);
}

static void hca_rename(struct ib_device *ib, void *data)
{
	struct hca *hca = data;

	mutex_lock(&lock);
	strscpy(hca->name, dev_name(&ib->dev), sizeof(hca->name));
	mutex_unlock(&lock);
}

static struct ib_client client = {
	.name = KBUILD_MODNAME,
	.add = hca_add,
	.remove = hca_remove,
	.rename = hca_rename,
	.no_kverbs_req = 1,
};

/* Those for which it holds now: ibback asks before it uses one. */
static int devices_show(char *buffer, const struct kernel_param *kp)
{
	struct hca *hca;
	int length = 0;

	mutex_lock(&lock);
	list_for_each_entry(hca, &hcas, entry)
		if (dma_get_max_seg_size(hca->dma->dev) == PAGE_SIZE)
			length += sysfs_emit_at(buffer, length, "%s\n", hca->name);
	mutex_unlock(&lock);
	return length;
}

static const struct kernel_param_ops devices_ops = {
	.get = devices_show,
};

module_param_cb(devices, &devices_ops, NULL, 0444);
MODULE_PARM_DESC(devices, "HCAs whose DMA segments are of one page (read only)");

static int __init segment_init(void)
{
	if (!xen_pv_domain()) {
		pr_info("this is no PV domain: there is nothing to do\n");
		return 0;
	}
	return ib_register_client(&client);
}

static void __exit segment_exit(void)
{
	if (xen_pv_domain())
		ib_unregister_client(&client);
}

module_init(segment_init);
module_exit(segment_exit);
MODULE_DESCRIPTION("DMA segments of a page for the HCAs of a PV domain");
MODULE_LICENSE("GPL");
