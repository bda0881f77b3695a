import type { PostedAlerts } from "./alertmanager.ts";

const LATENCY: PostedAlerts = {
  receiver: "holdpoint",
  status: "firing",
  alerts: [
    {
      status: "firing",
      labels: {
        alertname: "HighRequestLatency",
        cluster: "eu-1",
        service: "checkout",
        severity: "warning",
        team: "shop",
        instance: "checkout-1:8080",
        job: "checkout",
      },
      annotations: {
        summary: "Checkout is slow",
        description: "The 99th percentile of request latency of checkout is above 2 s for 10 minutes.",
        runbook_url: "https://runbooks.example.com/high-request-latency",
      },
      startsAt: "2026-11-20T09:01:12.481Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL:
        "http://prometheus.example.com:9090/graph?g0.expr=job%3Arequest_latency_seconds%3Ap99+%3E+2&g0.tab=1",
      fingerprint: "7c1f10d2a9be4410",
    },
    {
      status: "firing",
      labels: {
        alertname: "HighRequestLatency",
        cluster: "eu-1",
        service: "checkout",
        severity: "warning",
        team: "shop",
        instance: "checkout-2:8080",
        job: "checkout",
      },
      annotations: {
        summary: "Checkout is slow",
        description: "The 99th percentile of request latency of checkout is above 2 s for 10 minutes.",
        runbook_url: "https://runbooks.example.com/high-request-latency",
      },
      startsAt: "2026-11-20T09:02:12.481Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL:
        "http://prometheus.example.com:9090/graph?g0.expr=job%3Arequest_latency_seconds%3Ap99+%3E+2&g0.tab=1",
      fingerprint: "7c1f20d2a9be4410",
    },
    {
      status: "firing",
      labels: {
        alertname: "HighRequestLatency",
        cluster: "eu-1",
        service: "checkout",
        severity: "warning",
        team: "shop",
        instance: "checkout-3:8080",
        job: "checkout",
      },
      annotations: {
        summary: "Checkout is slow",
        description: "The 99th percentile of request latency of checkout is above 2 s for 10 minutes.",
        runbook_url: "https://runbooks.example.com/high-request-latency",
      },
      startsAt: "2026-11-20T09:03:12.481Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL:
        "http://prometheus.example.com:9090/graph?g0.expr=job%3Arequest_latency_seconds%3Ap99+%3E+2&g0.tab=1",
      fingerprint: "7c1f30d2a9be4410",
    },
  ],
  groupLabels: {
    alertname: "HighRequestLatency",
    service: "checkout",
  },
  commonLabels: {
    alertname: "HighRequestLatency",
    cluster: "eu-1",
    service: "checkout",
    severity: "warning",
    team: "shop",
    job: "checkout",
  },
  commonAnnotations: {
    summary: "Checkout is slow",
    description: "The 99th percentile of request latency of checkout is above 2 s for 10 minutes.",
    runbook_url: "https://runbooks.example.com/high-request-latency",
  },
  externalURL: "http://alertmanager.example.com:9093",
  version: "4",
  groupKey: '{}/{team="shop"}:{alertname="HighRequestLatency", service="checkout"}',
  truncatedAlerts: 0,
};

const DISK: PostedAlerts = {
  receiver: "holdpoint",
  status: "firing",
  alerts: [
    {
      status: "firing",
      labels: {
        alertname: "NodeFilesystemAlmostOutOfSpace",
        device: "/dev/nvme1n1",
        fstype: "ext4",
        instance: "db-1:9100",
        job: "node",
        mountpoint: "/var/lib/postgresql",
        severity: "critical",
        team: "platform",
      },
      annotations: {
        summary: "Filesystem has less than 3 % space left.",
        description:
          "Filesystem on /dev/nvme1n1, mounted on /var/lib/postgresql, at db-1:9100 has only 1.84 % available space left.",
        runbook_url: "https://runbooks.example.com/node-filesystem",
      },
      startsAt: "2026-11-20T02:41:09.117Z",
      endsAt: "0001-01-01T00:00:00Z",
      generatorURL:
        "http://prometheus.example.com:9090/graph?g0.expr=node_filesystem_avail_bytes+%2F+node_filesystem_size_bytes+%2A+100+%3C+3&g0.tab=1",
      fingerprint: "b41d90aa37c2f5e6",
    },
  ],
  groupLabels: {
    alertname: "NodeFilesystemAlmostOutOfSpace",
    instance: "db-1:9100",
  },
  commonLabels: {
    alertname: "NodeFilesystemAlmostOutOfSpace",
    device: "/dev/nvme1n1",
    fstype: "ext4",
    instance: "db-1:9100",
    job: "node",
    mountpoint: "/var/lib/postgresql",
    severity: "critical",
    team: "platform",
  },
  commonAnnotations: {
    summary: "Filesystem has less than 3 % space left.",
    description:
      "Filesystem on /dev/nvme1n1, mounted on /var/lib/postgresql, at db-1:9100 has only 1.84 % available space left.",
    runbook_url: "https://runbooks.example.com/node-filesystem",
  },
  externalURL: "http://alertmanager.example.com:9093",
  version: "4",
  groupKey: '{}/{team="platform"}:{alertname="NodeFilesystemAlmostOutOfSpace", instance="db-1:9100"}',
  truncatedAlerts: 0,
};

/** To be tried: forms offer them. The same as two of the files in examples/. */
export const EXAMPLES = [
  { name: "Checkout is slow", input: LATENCY },
  { name: "A disk is nearly full", input: DISK },
];
