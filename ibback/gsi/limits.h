/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a vport may have at the SA, each beside its reason. */
#ifndef XEN_IB_IBBACK_GSI_LIMITS_H
#define XEN_IB_IBBACK_GSI_LIMITS_H

/* IPoIB joins a group for each IP group, and leaves what it does not send to. */
#define MAX_MEMBERSHIPS    1024

/* There are 16 383 MLIDs for all; no guest gets more than a hundredth. */
#define MAX_GROUPS         128

/*
 * Groups that it makes or ends of which subscribers are told in a second, more or less;
 * further ones wait. A Report that nobody answers takes a place of MAX_REPORTS for three
 * seconds: who answers none hears less of what others change.
 */
#define MAX_GROUP_CHANGES  8

/* A target registers one for each of its services. */
#define MAX_SERVICES       64

/* srp_daemon has two, and each costs a look for every notice. */
#define MAX_SUBSCRIPTIONS  16

/* The same at the subnet's SA, with those that are still ending there. */
#define MAX_WIRE_INFORMS   (2 * MAX_SUBSCRIPTIONS)

/* Reports to a vport that are not answered yet; further ones are lost. */
#define MAX_REPORTS        32

/* Tables on their way to a vport; tools ask for one at a time. */
#define MAX_RMPP_SENDS     8

/* Requests of more than one segment on their way from it, and those just done. */
#define MAX_RMPP_RECEIVES  4

/* A MultiPathRecord with 2 * MAX_MULTIPATH_GIDS GIDs has 3 segments. */
#define MAX_RMPP_SEGMENTS  8
#define MAX_MULTIPATH_GIDS 16

/* Bytes of a table: NodeRecords of 8192 vports, MCMemberRecords of all groups. */
#define MAX_TABLE_BYTES    (1u << 20)

/* Segments sent to a vport at a time, whatever window it grants. */
#define RMPP_BURST         64

/*
 * GIDs beyond the wire that a vport asked for, and those that called it: further ones
 * take the place of the one that it asked for longest ago, which must be asked for again.
 */
#define MAX_REMOTES        1024
#define MAX_CALLERS        256

/* Those of a fabric: of 49150 LIDs at least a third is left to vports. */
#define MAX_FABRIC_REMOTES 32768

/* Connections to other vports that it has called for: further ones take the place of the
 * oldest, of whose end nobody is told.
 */
#define MAX_CONNECTIONS    1024

/* What it is told of connections whose other end is gone; the same. */
#define MAX_FAREWELLS      4096

/* Connections by the wire, and those that ended in the last half minute. */
#define MAX_CM_IDS         4096

/* Answers to those of a fabric that are gone, to what peers on the wire were told of it.
 */
#define MAX_WIRE_FAREWELLS 4096

/* Calls from the wire that a vport has not answered yet; who has most of them gives the
 * place of a further one.
 */
#define MAX_CM_CALLS       256

/* Transactions on the wire whose TIDs are another's there; CM has few at a time. */
#define MAX_TIDS           256

/* Requests that the subnet's SA has not answered yet; IPoIB has one for each neighbour.
 */
#define MAX_PROXIED        64

/* GUIDs in blocks of 8 of a port's table, of which there are 256 (IBTA §14.2.5.5). */
#define MAX_ALIAS_BLOCKS   256

/* Timers that are served at a time. */
#define MAX_TIMERS         64

#endif
