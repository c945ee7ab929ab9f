/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pattern's streams that are no slots. */
#ifndef TRAFFIC_STREAMS_H
#define TRAFFIC_STREAMS_H

#define STREAM_MESSAGES 0xffffffffu

#endif
