/* SPDX-License-Identifier: ISC */
/*
 * Policies that all end in the same options, by everything that a rule can
 * look at. A way into a connection has to end there under each of them,
 * although the library goes about it differently.
 */
#ifndef KASHIM_TEST_RULES_H
#define KASHIM_TEST_RULES_H

#define RULES_TIMERS " idle = 300 interval = 30 count = 5 }\n"

#define RULES_LOOPBACK " = { \"127.0.0.0/8\", \"::1\" }"

#define RULES_BY_DESTINATION "rule d { destination" RULES_LOOPBACK RULES_TIMERS
#define RULES_BY_SOURCE      "rule s { source" RULES_LOOPBACK RULES_TIMERS
#define RULES_BY_PORT        "rule p { port = \"1-65535\"" RULES_TIMERS
#define RULES_UNIFORM        "rule u {" RULES_TIMERS

/* What a socket then has, for EXPECT. */
#define RULES_OPTIONS 300, 30, 5, 0, 1

/* Four cases of one function. */
#define RULES_CASES(name, run)                               \
	{name "-by-destination", RULES_BY_DESTINATION, run}, \
	    {name "-by-source", RULES_BY_SOURCE, run},       \
	    {name "-by-port", RULES_BY_PORT, run},           \
	{                                                    \
		name "-uniform", RULES_UNIFORM, run          \
	}

#endif
