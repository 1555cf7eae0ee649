/* SPDX-License-Identifier: ISC */
/*
 * span: a time as people say it.
 */
#ifndef KASHIM_SPAN_H
#define KASHIM_SPAN_H

#include <stdint.h>

#define SPAN_TEXT_MAX 64

/* 450 is "7 min 30 s", 0 is "0 s". Returns text. */
const char *span_format(uint64_t seconds, char text[SPAN_TEXT_MAX]);

#endif
