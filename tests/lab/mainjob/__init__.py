# SPDX-License-Identifier: GPL-2.0-or-later
"""The main job: unmodified RDMA programs between two guests of the lab."""
