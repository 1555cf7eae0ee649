/* SPDX-License-Identifier: ISC */
/*
 * config_profile: the table of documented idle timeouts, and nothing else.
 */
#include "config_profile.h"

#include <string.h>

const struct config_profile config_profiles[CONFIG_PROFILES] = {
    {"aws-ec2", 432000, "AWS EC2 connection tracking",
	"Amazon EC2 API, ConnectionTrackingConfiguration", true},
    {"aws-ec2-nitro-v6", 350, "AWS EC2 connection tracking on Nitro v6",
	"Amazon EC2 API, ConnectionTrackingConfiguration", true},
    {"aws-network-firewall", 350, "AWS Network Firewall",
	"AWS Network Firewall API, FlowTimeouts", true},
    {"aws-nlb", 350, "AWS Network Load Balancer",
	"docs.aws.amazon.com, network/update-idle-timeout", true},
    {"azure-lb", 240, "Azure Load Balancer",
	"Microsoft Learn, load-balancer-tcp-idle-timeout", true},
    {"cisco-asa", 3600, "Cisco ASA", "ASA CLI guide, timeout conn", true},
    {"f5-fastl4", 300, "F5 BIG-IP FastL4", "F5 AS3 schema, L4_Profile", true},
    {"fortigate", 3600, "FortiGate",
	"FortiOS CLI reference, system session-ttl", true},
    {"gcp-vpc", 600, "Google Cloud VPC",
	"cloud.google.com, compute/docs/troubleshooting", true},
    {"juniper-srx", 1800, "Juniper SRX", "Juniper KB34994", true},
    {"kube-proxy-ipvs", 900, "kube-proxy in IPVS mode", "kops issue 6889",
	false},
    {"linux-conntrack", 432000, "Linux connection tracking",
	"kernel, networking/nf_conntrack-sysctl", true},
    {"pan-os", 3600, "Palo Alto Networks PAN-OS",
	"PAN-OS documentation, configure-session-timeouts", true},
};

const char *const config_unconfirmed[CONFIG_UNCONFIRMED] = {
    "aws-nat",
    "azure-nat",
    "checkpoint",
    "cloud-nat",
    "gcp-cloud-nat",
};

const struct config_profile *
config_profile_find(const char *name)
{
	for (unsigned int i = 0; i < CONFIG_PROFILES; i++)
		if (strcmp(config_profiles[i].name, name) == 0)
			return &config_profiles[i];
	return NULL;
}
