/* SPDX-License-Identifier: ISC */
/*
 * config_profile: the table of documented idle timeouts, and nothing else.
 */
#include "config/config_profile.h"

#include <string.h>

const struct config_profile config_profiles[CONFIG_PROFILES] = {
    {"aws-ec2", 432000, true, "AWS EC2 connection tracking",
	"Amazon EC2 API, ConnectionTrackingConfiguration"},
    {"aws-ec2-nitro-v6", 350, true, "AWS EC2 connection tracking on Nitro v6",
	"Amazon EC2 API, ConnectionTrackingConfiguration"},
    {"aws-network-firewall", 350, true, "AWS Network Firewall",
	"AWS Network Firewall API, FlowTimeouts"},
    {"aws-nlb", 350, true, "AWS Network Load Balancer",
	"docs.aws.amazon.com, network/update-idle-timeout"},
    {"azure-lb", 240, true, "Azure Load Balancer",
	"Microsoft Learn, load-balancer-tcp-idle-timeout"},
    {"azure-nat", 240, true, "Azure NAT gateway as AKS manages it",
	"Microsoft Learn, ManagedClusterNATGatewayProfile"},
    {"cisco-asa", 3600, true, "Cisco ASA", "ASA CLI guide, timeout conn"},
    {"f5-fastl4", 300, true, "F5 BIG-IP FastL4", "F5 AS3 schema, L4_Profile"},
    {"fortigate", 3600, true, "FortiGate",
	"FortiOS CLI reference, system session-ttl"},
    {"gcp-cloud-nat", 1200, true, "Google Cloud NAT",
	"Compute Engine API, tcpEstablishedIdleTimeoutSec"},
    {"gcp-vpc", 600, true, "Google Cloud VPC",
	"cloud.google.com, compute/docs/troubleshooting"},
    {"juniper-srx", 1800, true, "Juniper SRX", "Juniper KB34994"},
    {"kube-proxy-ipvs", 900, false, "kube-proxy in IPVS mode",
	"kops issue 6889"},
    {"linux-conntrack", 432000, true, "Linux connection tracking",
	"kernel, networking/nf_conntrack-sysctl"},
    {"pan-os", 3600, true, "Palo Alto Networks PAN-OS",
	"PAN-OS documentation, configure-session-timeouts"},
};

const char *const config_unconfirmed[CONFIG_UNCONFIRMED] = {
    "aws-nat",
    "checkpoint",
};

const struct config_profile *
config_profile_find(const char *name)
{
	for (unsigned int i = 0; i < CONFIG_PROFILES; i++)
		if (strcmp(config_profiles[i].name, name) == 0)
			return &config_profiles[i];
	return NULL;
}
