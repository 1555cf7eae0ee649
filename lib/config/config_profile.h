/* SPDX-License-Identifier: ISC */
/*
 * config_profile: names for the idle timeouts that makers of firewalls and
 * load balancers document.
 *
 * Only what a public document says is in the table: a wrong number here would
 * be believed. What a document says is a default that the device's owner may
 * have changed; firewall-timeout is for that. One whose makers do not say it
 * themselves is marked, and kashim check warns of it.
 */
#ifndef KASHIM_CONFIG_PROFILE_H
#define KASHIM_CONFIG_PROFILE_H

#include <stdbool.h>
#include <stdint.h>

struct config_profile {
	const char *name;
	uint32_t timeout_s;
	bool documented; /* by its makers */
	const char *device;
	const char *source; /* the document to look the number up in */
};

#define CONFIG_PROFILES 15

/* All profiles, by name. */
extern const struct config_profile config_profiles[CONFIG_PROFILES];

#define CONFIG_UNCONFIRMED 2

/*
 * Names that one would look for here, of devices that have no profile, because
 * their makers' documents could not be confirmed to give a time.
 */
extern const char *const config_unconfirmed[CONFIG_UNCONFIRMED];

/* The profile of that name, or NULL. */
const struct config_profile *config_profile_find(const char *name);

#endif
