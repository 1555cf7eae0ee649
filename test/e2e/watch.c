/* SPDX-License-Identifier: ISC */
/*
 * watch - sees keepalive probes pass. Follows every TCP flow of an interface
 * or of a pcap file and says for each segment whether it is a probe: RFC 9293,
 * 3.8.4, as Linux sends it: ACK alone, no data, the sequence number one below
 * the next expected one. It judges from the segments only, never from the
 * socket, so that it can prove what a kernel or a shim claims. It never sends.
 *
 * One line for each segment, made to be read by awk:
 *
 *   MS SOURCE > DESTINATION KIND FLAGS seq=DELTA len=BYTES after=MS
 *
 * MS since the start, DELTA from the expected sequence number, and after= the
 * time since the flow's last segment in either direction; "?" where unknown.
 */

#include <arpa/inet.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <pcap/pcap.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WATCH_FLOWS   4096 /* the stalest flow gives way to a new one */
#define WATCH_SNAPLEN 256  /* headers only; lengths come from the headers */

#define TCP_FLAG_FIN 0x01
#define TCP_FLAG_SYN 0x02
#define TCP_FLAG_RST 0x04
#define TCP_FLAG_ACK 0x10

/* An address and port, comparable as bytes; IPv4 in the first four. */
struct endpoint {
	uint8_t addr[16];
	uint16_t port;
	uint16_t family;
};

struct segment {
	struct endpoint src, dst;
	uint32_t seq, ack;
	uint32_t len; /* of the payload */
	uint8_t flags;
	int64_t time_us;
};

/* One direction of a flow: the sequence number that it should use next. */
struct side {
	struct endpoint from;
	uint32_t next;
	bool known;
};

struct flow {
	struct side side[2];
	int64_t last_us;
	int probed_by; /* the side that sent the last segment, if a probe */
	bool used;
};

static struct flow flows[WATCH_FLOWS];
static pcap_t *watch_pcap;
static bool watch_probes_only;
static int64_t watch_start_us = -1;

static void
watch_stop(int sig)
{
	(void)sig;
	pcap_breakloop(watch_pcap);
}

static uint16_t
get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static uint32_t
get32(const uint8_t *p)
{
	return (uint32_t)get16(p) << 16 | get16(p + 2);
}

static bool
endpoint_equal(const struct endpoint *a, const struct endpoint *b)
{
	return a->family == b->family && a->port == b->port &&
	       !memcmp(a->addr, b->addr, sizeof(a->addr));
}

static const char *
endpoint_text(const struct endpoint *e, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN];

	if (!inet_ntop(e->family, e->addr, addr, sizeof(addr)))
		strcpy(addr, "?");
	snprintf(buf, size, e->family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr,
	    e->port);
	return buf;
}

static bool
parse_tcp(const uint8_t *p, size_t caplen, size_t len, struct segment *s)
{
	size_t header;

	if (caplen < 20)
		return false;
	header = (size_t)(p[12] >> 4) * 4;
	if (header < 20 || header > len)
		return false;
	s->src.port = get16(p);
	s->dst.port = get16(p + 2);
	s->seq = get32(p + 4);
	s->ack = get32(p + 8);
	s->flags = p[13];
	s->len = (uint32_t)(len - header);
	return true;
}

static bool
parse_ipv4(const uint8_t *p, size_t caplen, struct segment *s)
{
	size_t header, len;

	if (caplen < 20)
		return false;
	header = (size_t)(p[0] & 15) * 4;
	len = get16(p + 2);
	/* Of a fragmented datagram only the first piece has the TCP header. */
	if (header < 20 || header > caplen || header > len || p[9] != 6 ||
	    get16(p + 6) & 0x1fff)
		return false;
	s->src.family = s->dst.family = AF_INET;
	memcpy(s->src.addr, p + 12, 4);
	memcpy(s->dst.addr, p + 16, 4);
	return parse_tcp(p + header, caplen - header, len - header, s);
}

static bool
parse_ipv6(const uint8_t *p, size_t caplen, struct segment *s)
{
	size_t off = 40, end;
	uint8_t next;

	if (caplen < 40)
		return false;
	end = off + get16(p + 4);
	next = p[6];
	while (next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_DSTOPTS) {
		if (off + 8 > caplen || off + 8 > end)
			return false;
		next = p[off];
		off += 8 + (size_t)p[off + 1] * 8;
	}
	if (next != IPPROTO_TCP || off > caplen || off > end)
		return false;
	s->src.family = s->dst.family = AF_INET6;
	memcpy(s->src.addr, p + 8, 16);
	memcpy(s->dst.addr, p + 24, 16);
	return parse_tcp(p + off, caplen - off, end - off, s);
}

static bool
parse_link(int link, const uint8_t *p, size_t caplen, struct segment *s)
{
	size_t off;

	switch (link) {
	case DLT_EN10MB:
		off = 14;
		if (caplen > 14 && get16(p + 12) == 0x8100)
			off += 4; /* a VLAN tag */
		break;
	case DLT_LINUX_SLL:
		off = 16;
		break;
	case DLT_LINUX_SLL2:
		off = 20;
		break;
	default: /* DLT_RAW, DLT_IPV4, DLT_IPV6 */
		off = 0;
		break;
	}
	if (off >= caplen)
		return false;
	/* The version in the packet agrees with any protocol field before. */
	if (p[off] >> 4 == 4)
		return parse_ipv4(p + off, caplen - off, s);
	if (p[off] >> 4 == 6)
		return parse_ipv6(p + off, caplen - off, s);
	return false;
}

/*
 * The flow that the segment belongs to, made where there is none. Sets *dir to
 * the side that sent it.
 */
static struct flow *
flow_find(const struct segment *s, int *dir)
{
	struct flow *free_or_stalest = &flows[0];

	for (size_t i = 0; i < WATCH_FLOWS; i++) {
		struct flow *f = &flows[i];

		if (!f->used) {
			free_or_stalest = f;
			break;
		}
		for (int d = 0; d < 2; d++) {
			if (endpoint_equal(&f->side[d].from, &s->src) &&
			    endpoint_equal(&f->side[!d].from, &s->dst)) {
				*dir = d;
				return f;
			}
		}
		if (f->last_us < free_or_stalest->last_us)
			free_or_stalest = f;
	}
	*free_or_stalest = (struct flow){
	    .side = {{.from = s->src}, {.from = s->dst}},
	    .last_us = -1,
	    .probed_by = -1,
	    .used = true,
	};
	*dir = 0;
	return free_or_stalest;
}

/* What the segment is, given its distance from the expected number. */
static const char *
segment_kind(
    const struct flow *f, int dir, const struct segment *s, int32_t delta)
{
	if (s->flags & TCP_FLAG_RST)
		return "rst";
	if (s->flags & TCP_FLAG_SYN)
		return "syn";
	if (f->side[dir].known && delta < 0) {
		if (s->flags == TCP_FLAG_ACK && s->len == 0 && delta == -1)
			return "probe";
		/* Also a probe with one byte, which Linux does not send. */
		return "old";
	}
	if (s->flags & TCP_FLAG_FIN)
		return "fin";
	if (s->len > 0)
		return "data";
	if (f->probed_by == !dir)
		return "reply";
	return "ack";
}

static void
flow_advance(struct flow *f, int dir, const struct segment *s)
{
	struct side *own = &f->side[dir], *peer = &f->side[!dir];
	uint32_t end = s->seq + s->len + !!(s->flags & TCP_FLAG_SYN) +
	               !!(s->flags & TCP_FLAG_FIN);

	if (s->flags & TCP_FLAG_RST)
		return;
	if (s->flags & TCP_FLAG_SYN) {
		own->known = false;
		if (!(s->flags & TCP_FLAG_ACK))
			peer->known = false; /* the ports are used anew */
	}
	if (!own->known || (int32_t)(end - own->next) > 0)
		own->next = end;
	own->known = true;
	if (s->flags & TCP_FLAG_ACK &&
	    (!peer->known || (int32_t)(s->ack - peer->next) > 0)) {
		peer->next = s->ack;
		peer->known = true;
	}
}

static void
segment_print(const struct segment *s, const char *kind, bool known,
    int32_t delta, int64_t after_us)
{
	static const char letters[] = "FSRPAUEC";
	char src[64], dst[64], flags[9], seq[16] = "?", after[24] = "?";
	size_t n = 0;

	for (size_t i = 0; i < sizeof(letters) - 1; i++)
		if (s->flags & 1 << i)
			flags[n++] = letters[i];
	if (n == 0)
		flags[n++] = '-';
	flags[n] = '\0';
	if (known)
		snprintf(seq, sizeof(seq), "%" PRId32, delta);
	if (after_us >= 0)
		snprintf(after, sizeof(after), "%" PRId64, after_us / 1000);
	printf("%" PRId64 " %s > %s %s %s seq=%s len=%" PRIu32 " after=%s\n",
	    (s->time_us - watch_start_us) / 1000,
	    endpoint_text(&s->src, src, sizeof(src)),
	    endpoint_text(&s->dst, dst, sizeof(dst)), kind, flags, seq, s->len,
	    after);
}

static void
watch_packet(u_char *user, const struct pcap_pkthdr *h, const u_char *bytes)
{
	struct segment s = {
	    .time_us = (int64_t)h->ts.tv_sec * 1000000 + h->ts.tv_usec,
	};
	struct flow *f;
	const char *kind;
	int32_t delta;
	bool known, probe;
	int dir;

	if (!parse_link(*(const int *)user, bytes, h->caplen, &s))
		return;
	if (watch_start_us < 0)
		watch_start_us = s.time_us;
	f = flow_find(&s, &dir);
	known = f->side[dir].known;
	delta = (int32_t)(s.seq - f->side[dir].next);
	kind = segment_kind(f, dir, &s, delta);
	probe = !strcmp(kind, "probe");
	if (probe || !watch_probes_only)
		segment_print(&s, kind, known, delta,
		    f->last_us < 0 ? -1 : s.time_us - f->last_us);
	flow_advance(f, dir, &s);
	f->last_us = s.time_us;
	f->probed_by = probe ? dir : -1;
}

static pcap_t *
watch_open_live(const char *interface, char *errbuf)
{
	pcap_t *p = pcap_create(interface, errbuf);
	int rc;

	if (!p)
		return NULL;
	rc = pcap_set_snaplen(p, WATCH_SNAPLEN);
	if (rc == 0)
		rc = pcap_set_immediate_mode(p, 1);
	if (rc == 0)
		rc = pcap_activate(p);
	if (rc < 0) {
		snprintf(errbuf, PCAP_ERRBUF_SIZE, "%s: %s",
		    pcap_statustostr(rc), pcap_geterr(p));
		pcap_close(p);
		return NULL;
	}
	return p;
}

static int
usage(void)
{
	fputs("usage: watch [-p] -i INTERFACE | -r FILE\n"
	      "  -i  capture on this interface until a signal ends it\n"
	      "  -r  read this pcap file\n"
	      "  -p  print keepalive probes only\n",
	    stderr);
	return 2;
}

int
main(int argc, char **argv)
{
	const char *interface = NULL, *file = NULL;
	struct sigaction sa = {.sa_handler = watch_stop};
	char errbuf[PCAP_ERRBUF_SIZE] = "";
	struct timespec now;
	int opt, rc, link;

	while ((opt = getopt(argc, argv, "i:r:p")) != -1) {
		switch (opt) {
		case 'i':
			interface = optarg;
			break;
		case 'r':
			file = optarg;
			break;
		case 'p':
			watch_probes_only = true;
			break;
		default:
			return usage();
		}
	}
	if (optind != argc || !interface == !file)
		return usage();

	setvbuf(stdout, NULL, _IOLBF, 0);
	watch_pcap = interface ? watch_open_live(interface, errbuf)
	                       : pcap_open_offline(file, errbuf);
	if (!watch_pcap) {
		fprintf(stderr, "watch: %s: %s\n", interface ? interface : file,
		    errbuf);
		return 1;
	}
	link = pcap_datalink(watch_pcap);
	switch (link) {
	case DLT_EN10MB:
	case DLT_LINUX_SLL:
	case DLT_LINUX_SLL2:
	case DLT_RAW:
	case DLT_IPV4:
	case DLT_IPV6:
		break;
	default:
		fprintf(stderr, "watch: link type %d is not supported\n", link);
		return 1;
	}
	if (interface) {
		clock_gettime(CLOCK_REALTIME, &now);
		watch_start_us =
		    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
		/* Without SA_RESTART, so that a blocked capture ends. */
		sigaction(SIGINT, &sa, NULL);
		sigaction(SIGTERM, &sa, NULL);
		printf("# watching %s\n", interface);
	}
	rc = pcap_loop(watch_pcap, -1, watch_packet, (u_char *)&link);
	if (rc == PCAP_ERROR)
		fprintf(stderr, "watch: %s\n", pcap_geterr(watch_pcap));
	pcap_close(watch_pcap);
	return rc == PCAP_ERROR ? 1 : 0;
}
