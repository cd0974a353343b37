vcl 4.1;
# A cache before one or more replicas. `origins.vcl` beside this file names them. Whoever asks for a segment that is being made
# gets it chunk by chunk from the one fetch that is under way, so LL-DASH costs the replicas no more than LL-HLS does.
import directors;
import std;

# Answers 200 when what should run is playable and the replica is not about to end.
probe ready {
    .url = "/readyz";
    .interval = 500ms;
    .timeout = 500ms;
    .window = 2;
    .threshold = 1;
    .initial = 1;
}

sub vcl_init {
    new origins = directors.round_robin();
}

include "origins.vcl";

sub vcl_recv {
    if (req.url == "/edge/livez") {
        return (synth(200));
    }
    if (req.url ~ "^/(metrics|whoami)(\?|$)") {
        return (synth(404));
    }
    # Whatever else there is, the page and the API among it, goes through as it is.
    if (req.method !~ "^(GET|HEAD)$" || req.url !~ "^/(live|hls|dash)/[^?]*\.(m3u8|mpd|m4s|mp4)(\?|$)") {
        return (pass);
    }
    # Requests for the same thing have the same key: directives in one order and nothing else of the query, which is also what
    # the replica gets to see.
    set req.http.X-Query = "";
    if (req.url ~ "^[^?]*\.(m3u8|mpd)\?") {
        call keep_directives;
    }
    set req.url = regsub(req.url, "\?.*$", "") + req.http.X-Query;
    unset req.http.X-Query;
    unset req.http.Cookie;
    unset req.http.Authorization;
    return (hash);
}

sub keep_directives {
    if (req.url ~ "[?&]_HLS_msn=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](_HLS_msn=[^&]*).*$", "\1");
    }
    if (req.url ~ "[?&]_HLS_part=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](_HLS_part=[^&]*).*$", "\1");
    }
    if (req.url ~ "[?&]_HLS_skip=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](_HLS_skip=[^&]*).*$", "\1");
    }
    set req.http.X-Query = regsub(req.http.X-Query, "^&", "?");
}

sub vcl_hash {
    # The name under which it is asked for makes no difference.
    hash_data(req.url);
    return (lookup);
}

sub vcl_backend_fetch {
    # Another one at each try.
    set bereq.backend = origins.backend();
    set bereq.connect_timeout = 500ms;
    # Longer than any answer is held for segments of up to 3 s: longer segments need three of theirs and some.
    set bereq.first_byte_timeout = 10s;
    # Events come at least every 15 s.
    set bereq.between_bytes_timeout = 60s;
    # A replica that takes connections and then says nothing is no client's business either: two have 750 ms each, about twice a
    # chunk, and what nobody has answered in that time may be worth waiting for.
    if (bereq.url ~ "^[^?]*\.(m3u8|mpd|m4s|mp4)(\?|$)|^/time$") {
        set bereq.between_bytes_timeout = 750ms;
        # A playlist from a segment on is held for as long as the segment takes, from a part on for as long as a part.
        if (bereq.retries < 2 && (bereq.url !~ "_HLS_msn=" || bereq.url ~ "_HLS_part=")) {
            set bereq.first_byte_timeout = 750ms;
        }
    }
}

sub vcl_backend_response {
    # A replica that is gone, starting or ending is no client's business. What may have changed something is sent once.
    if (beresp.status >= 502 && beresp.status <= 504 && bereq.method ~ "^(GET|HEAD)$" && bereq.retries < 2) {
        return (retry);
    }
    # A manifest is never served stale, because an old one says that nothing new is there. Media never changes.
    set beresp.grace = 0s;
    if (bereq.url ~ "\.(m4s|mp4)$" && beresp.status == 200) {
        set beresp.grace = 2m;
    }
    # The replica says how long, also for what is not there yet. The rest is asked for anew by each.
    if (beresp.status >= 400 && beresp.status < 500 && beresp.http.Cache-Control ~ "max-age=[1-9]") {
        set beresp.ttl = std.duration(regsub(beresp.http.Cache-Control, "^.*max-age=([0-9]+).*$", "\1s"), 1s);
    } elseif (beresp.ttl <= 0s) {
        set beresp.ttl = 1s;
        set beresp.uncacheable = true;
    }
    return (deliver);
}

sub vcl_backend_error {
    if (bereq.method ~ "^(GET|HEAD)$" && bereq.retries < 2) {
        return (retry);
    }
}

sub vcl_deliver {
    if (obj.uncacheable) {
        set resp.http.X-Cache-Status = "PASS";
    } elseif (obj.hits > 0) {
        set resp.http.X-Cache-Status = "HIT";
    } else {
        set resp.http.X-Cache-Status = "MISS";
    }
    unset resp.http.X-Varnish;
}
