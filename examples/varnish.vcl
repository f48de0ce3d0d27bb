# For Varnish 7: a cache that asks a node each time whether what it holds is still the entry.
vcl 4.1;

import directors;

probe health {
  .url = "/_health";
  .interval = 2s;
}

backend node1 { .host = "127.0.0.1"; .port = "8001"; .probe = health; }
backend node2 { .host = "127.0.0.1"; .port = "8002"; .probe = health; }
backend node3 { .host = "127.0.0.1"; .port = "8003"; .probe = health; }

sub vcl_init {
  new nodes = directors.fallback();
  nodes.add_backend(node1);
  nodes.add_backend(node2);
  nodes.add_backend(node3);
}

sub vcl_recv {
  set req.backend_hint = nodes.backend();
  # Peers and operators reach the nodes directly.
  if (req.url ~ "^/(gossip|metrics|_log|_cluster/retire)") {
    return (synth(404));
  }
  # A watch has no end, whether it is a stream or a WebSocket.
  if (req.url ~ "^/watch") {
    return (pipe);
  }
  # Conditions are the node's to judge, with the write or the entry that it has now.
  if (req.http.If-Match || req.http.If-None-Match || req.http.Hearsay-After) {
    return (pass);
  }
}

sub vcl_pipe {
  if (req.http.Upgrade) {
    set bereq.http.Upgrade = req.http.Upgrade;
    set bereq.http.Connection = req.http.Connection;
  }
}
