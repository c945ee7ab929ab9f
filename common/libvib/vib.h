/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libvib: a vib for a process. What ibfront and libibverbs are to a guest this
 * library is to a program beside ibback: the toolstack that plugs the device
 * in, the frontend that connects it, and verbs to work with it. Below it is
 * the local Xen port (xenport/localguest.h), so neither Xen nor privileges are
 * needed, only ibback's socket.
 *
 *	struct libvib *lv = libvib_open(socket, "port_guid=0x02...", why, sizeof(why));
 *	libvib_alloc_pd(), libvib_alloc(), libvib_reg_mr()          objects.h, memory.h
 *	libvib_create_cq(), libvib_create_qp()                      objects.h
 *	libvib_qp_end(), libvib_qp_connect()                        bringup.h
 *	libvib_post_send(), libvib_ring_send(), libvib_poll_cq()    datapath.h
 *
 * Results are 0, a count or 1 on success and a negative errno on failure,
 * unless said differently. What the backend refuses has its errno, as
 * -EINVAL or -EBUSY. -ENODEV: the connection is lost, and stays so; the way
 * back is libvib_close() and libvib_open(). -EPROTO: the backend broke the
 * protocol, which loses the connection too.
 *
 * Threads: everything here and in memory.h and objects.h may be called by any
 * thread; one command is on its way at a time, and the others wait. datapath.h
 * has rules of its own. An object must not be used while it is destroyed.
 *
 * Descriptors belong to the library.
 */
#ifndef XEN_IB_COMMON_LIBVIB_VIB_H
#define XEN_IB_COMMON_LIBVIB_VIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen-ib/control.h>

struct libvib;

/* Enough for every reason given here. */
#define LIBVIB_WHY_SIZE 256

/* Make a vib at the backend that listens on @socket, and connect it. @config is
 * the text of vibconf.h, "port_guid=0x..., pkey=0xffff, max_qp=16" or "";
 * GUIDs it does not give are random. Waits for the backend, 10 seconds at
 * most. NULL on failure, with a line about it in @why.
 */
struct libvib *libvib_open(const char *socket, const char *config, char *why,
			   size_t size);

/* Unplug the vib, waiting a little for the backend to let go of it, and free
 * @lv with all its memory. Objects that still exist end at the backend, but
 * their structures here are lost: destroy them before.
 */
void libvib_close(struct libvib *lv);

/* True while the backend serves the vib. Costs a system call. */
bool libvib_alive(struct libvib *lv);

/* Why the connection was lost, a constant, or NULL while it is not known to be. */
const char *libvib_failure(const struct libvib *lv);

/* The domain id that the backend knows this vib by. */
uint16_t libvib_domid(const struct libvib *lv);

/* Be the administrator: give the attached vib other values for some keys of the
 * config, those of vibconf_parse_changes(). @why as above.
 */
int libvib_change(struct libvib *lv, const char *config, char *why, size_t size);

/* ---- events ------------------------------------------------------------ */

/* Polls readable when libvib_next_async() has something to do, which may turn
 * out to be nothing; for good when the connection is lost.
 */
int libvib_fd(const struct libvib *lv);

/* Take one async event: 1 and the event, whose type and object are whatever
 * the backend wrote, or 0. Call it until it returns 0. -ENODEV when the
 * connection is lost.
 */
int libvib_next_async(struct libvib *lv, struct vib_async_event *event);

/* ---- commands ---------------------------------------------------------- */

/* Send any request at all, whose id is set here, and wait for the answer in
 * @rsp. Returns its status, 0 or negative. A backend that takes 30 seconds is
 * given up.
 */
int libvib_command(struct libvib *lv, struct vib_control_request *req,
		   struct vib_control_response *rsp);

int libvib_query_device(struct libvib *lv, struct vib_device_attr *attr);
int libvib_query_port(struct libvib *lv, struct vib_port_attr *attr);
int libvib_query_gid(struct libvib *lv, uint16_t index, struct vib_gid *gid);
int libvib_query_pkey(struct libvib *lv, uint16_t index, uint16_t *pkey);
int libvib_query_counters(struct libvib *lv, struct vib_rsp_counters *counters);

/* Ask the port itself the MAD @in: 1 and its reply in @out, or 0: it has none. */
int libvib_process_mad(struct libvib *lv, const uint8_t in[VIB_MAD_BYTES],
		       uint8_t out[VIB_MAD_BYTES]);

#endif
