/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef VHD_TOOLS_FINDINGS_H
#define VHD_TOOLS_FINDINGS_H

#include "common/color.h"
#include "json.h"

/* What check found, for those who report it. */

enum color finding_color(enum vhd_severity severity);

/* One line "FILE: severity RULE-ID NAME at 0xOFF: sentence; repair: ..." */
void finding_print(const struct vhd_finding *f, bool color);

/* {"rule", "layer", "file", "offset", "message", "repair"} */
json_t *finding_object(const struct vhd_finding *f);

/* Nothing that puts data at risk was found. */
bool findings_sound(const struct vhd_check_result *r);

/* "sound" or "damaged", and how much of what was found, without a newline */
void findings_verdict(const struct vhd_check_result *r, bool color);

/* {"sound", "fatal", "errors", "warnings", "infos", "layers", "blocks"} */
json_t *findings_object(const struct vhd_check_result *r);

#endif
