/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhdx/vhdx_engine.h"

#include "vhdx/vhdx.h"
#include "vhdx/vhdx_build.h"
#include "vhdx/vhdx_repair.h"

const struct vhd_engine vhdx_engine = {
	.format = VHD_FORMAT_VHDX,
	.probe = vhdx_probe,
	.open = vhdx_open,
	.close = vhdx_close,
	.writer = vhdx_writer,
	.shut = vhdx_shut,
	.info = vhdx_info,
	.parent = vhdx_parent,
	.map = vhdx_map,
	.usage = vhdx_usage,
	.layout = vhdx_layout,
	.check = vhdx_check,
	.repair = vhdx_repair,
	.reparent = vhdx_reparent,
	.resize = vhdx_resize,
	.set_check = vhdx_set_check,
	.set = vhdx_set,
	.identify = vhdx_identify,
	.link2 = vhdx_link2,
	.pack = vhdx_pack,
	.pack_rest = vhdx_pack_rest,
	.build = vhdx_build,
	.place = vhdx_build_place,
	.finish = vhdx_build_finish,
	.discard = vhdx_build_discard,
};
