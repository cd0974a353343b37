# The replicas. Varnish resolves their names once, when it loads this file.
backend replica_1 {
    .host = "barstone-1";
    .port = "8080";
    .probe = ready;
}
backend replica_2 {
    .host = "barstone-2";
    .port = "8080";
    .probe = ready;
}

sub vcl_init {
    origins.add_backend(replica_1);
    origins.add_backend(replica_2);
}
