"""The programs that stand between a caller and HubSpot, each set up as its users would, and the HubSpot behind them."""

import os
import subprocess
import time
import urllib.request
from dataclasses import dataclass

from .machine import ROOT
from .server import Server, free_port

PATH = "/crm/v3/objects/contacts/1"
# Of no portal; the gateway needs some token to know whose limits a call spends.
TOKEN = "pat-na1-11111111-2222-3333-4444-555555555555"
BODY_BYTES = 1024

SETTLING_S = 0.2

# So large that the governor counts every call and never holds one back.
BURST_MAX = 100_000_000
LIMIT_HEADERS = {
    "X-HubSpot-RateLimit-Max": BURST_MAX,
    "X-HubSpot-RateLimit-Remaining": BURST_MAX - 1,
    "X-HubSpot-RateLimit-Interval-Milliseconds": 10_000,
    "X-HubSpot-RateLimit-Daily": 10 * BURST_MAX,
    "X-HubSpot-RateLimit-Daily-Remaining": 10 * BURST_MAX - 1,
}

NGINX = """
{user}daemon off; worker_processes 1; pid {name}.pid; error_log {name}-error.log crit;
events {{ worker_connections {connections}; }}
http {{
  access_log off; default_type application/json; keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_body_temp_path {name}-body; proxy_temp_path {name}-proxy; fastcgi_temp_path {name}-fastcgi;
  uwsgi_temp_path {name}-uwsgi; scgi_temp_path {name}-scgi;
  {http}
}}
"""

HAPROXY = """
global
  nbthread 1
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  http-reuse always
frontend callers
  bind 127.0.0.1:{port}
  default_backend hubspot
backend hubspot
  server upstream 127.0.0.1:{upstream}
"""


@dataclass
class Peer:
    name: str
    server: Server
    port: int
    admin: str | None = None


@dataclass
class Certificates:
    """An authority of our own, and what it signed for `localhost`."""

    authority: str
    certificate: str
    key: str


class Upstream:
    """HubSpot for the length of a run: nginx with one answer of 1 KB, and a count of the requests it got."""

    def __init__(self, home, core, certificates=None):
        self.port, self.count_port = free_port(), free_port()
        secure = ""
        if certificates:
            secure = f"ssl_certificate {certificates.certificate}; ssl_certificate_key {certificates.key};"
        headers = " ".join(f'add_header {name} "{value}";' for name, value in LIMIT_HEADERS.items())
        account = '{"portalId":1,"timeZone":"UTC","dataHostingLocation":"na1"}'
        http = f"""
          server {{ listen 127.0.0.1:{self.count_port}; location / {{ stub_status; }} }}
          server {{
            listen 127.0.0.1:{self.port}{" ssl" if certificates else ""}; {secure} {headers}
            location = /account-info/v3/details {{ return 200 '{account}'; }}
            location / {{ return 200 '{body()}'; }}
          }}"""
        name = "upstream-tls" if certificates else "upstream"
        self.server = nginx(name, http, home, core).listening_on(self.port)
        self.asked = 0

    def requests(self):
        """Requests of others since the start, when no more come: what a generator dropped may still be on its way."""
        before, now = None, self.requests_now()
        while now != before:
            time.sleep(SETTLING_S)
            before, now = now, self.requests_now()
        return now

    def requests_now(self):
        """stub_status counts our question too."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.count_port}/", timeout=5) as answer:
            handled = int(answer.read().split(b"\n")[2].split()[2])
        self.asked += 1
        return handled - self.asked


def body():
    """JSON of exactly 1 KB, shaped like a record."""
    empty = '{"id":"1","properties":{"notes":""},"archived":false}'
    return empty.replace('""', f'"{"x" * (BODY_BYTES - len(empty))}"')


def nginx(name, http, home, core, under=(), connections=1024):
    """`under` is a program that runs it; that one sees a single process only."""
    configuration = home / f"{name}.conf"
    # As root, its worker would become a user who may not enter our directory.
    user = "user root; " if os.geteuid() == 0 else ""
    configuration.write_text(NGINX.format(user=user, name=name, connections=connections, http=http))
    command = ["nginx", "-e", "stderr", "-p", home, "-c", configuration]
    alone = ["-g", "master_process off;"] if under else []
    return Server(name, [*under, *command, *alone], home, core)


def nginx_proxy(home, core, upstream, certificates=None, under=()):
    port = free_port()
    secure = ""
    if certificates:
        secure = f"""proxy_ssl_trusted_certificate {certificates.authority}; proxy_ssl_verify on;
          proxy_ssl_name localhost; proxy_ssl_server_name on;"""
    http = f"""
      upstream hubspot {{ server 127.0.0.1:{upstream.port}; keepalive 64; keepalive_requests 1000000000; }}
      server {{
        listen 127.0.0.1:{port};
        location / {{
          proxy_pass {"https" if certificates else "http"}://hubspot; {secure}
          proxy_http_version 1.1; proxy_set_header Connection "";
        }}
      }}"""
    name = "nginx-tls" if certificates else "nginx"
    return Peer("nginx", nginx(name, http, home, core, under).listening_on(port), port)


def haproxy(home, core, upstream):
    port, configuration = free_port(), home / "haproxy.cfg"
    configuration.write_text(HAPROXY.format(port=port, upstream=upstream.port))
    server = Server("haproxy", ["haproxy", "-db", "-f", configuration], home, core)
    return Peer("haproxy", server.listening_on(port), port)


def node_proxy(home, core, upstream):
    port = free_port()
    command = ["node", ROOT / "benches/node/proxy.mjs", port, upstream.port]
    return Peer("Node http-proxy", Server("node", command, home, core).listening_on(port), port)


def hubkeeper(binary, home, upstream_url, name="hubkeeper", core=None, environment=None, under=()):
    """The gateway with every feature on, as it comes."""
    listen = ["--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]
    server = Server(name, [*under, binary, "up", *listen, "--upstream", upstream_url], home, core, environment)
    ready = server.ready_line()
    return Peer("hubkeeper", server, int(ready["gateway"].rpartition(":")[2]), ready["admin"])


def certificates(home):
    made = Certificates(*(str(home / name) for name in ["authority.pem", "localhost.pem", "localhost.key"]))
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
    authority_key = str(home / "authority.key")
    openssl("req", "-x509", *key, "-subj", "/CN=bench authority", "-keyout", authority_key, "-out", made.authority)
    signed = ["-CA", made.authority, "-CAkey", authority_key, "-subj", "/CN=localhost"]
    extensions = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    openssl("req", "-x509", *key, *signed, *extensions, "-keyout", made.key, "-out", made.certificate)
    return made


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, stdin=subprocess.DEVNULL, capture_output=True)
