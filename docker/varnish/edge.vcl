vcl 4.1;
# A cache in front of one or more replicas. `origins.vcl` beside this file names the replicas. All clients that request an
# unfinished segment get its chunks from one request to a replica, so LL-DASH costs the replicas no more than LL-HLS.
import directors;
import std;

# /readyz answers 200 if every stream that should run is playable and the replica is not about to end.
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
    unset req.http.X-Fault;
    if (req.url == "/edge/livez") {
        return (synth(200));
    }
    if (req.url ~ "^/(metrics|whoami)(\?|$)") {
        return (synth(404));
    }
    # Varnish stores nothing under faults of transport that the URL asks for.
    if (req.url ~ "^/(t/[^/]+/)?with/([^/]*,)?(cut=|delay=[^,/]*:|hang=|rate=|reset|status=)") {
        set req.http.X-Fault = "1";
        return (pass);
    }
    # Varnish forwards all other requests unchanged, such as those for the page and the API.
    if (req.method !~ "^(GET|HEAD)$" || req.url !~ "^/(with/[^/?]+/)?(live|hls|dash)/[^?]*\.(m3u8|mpd|m4s|mp4|jpg|png)(\?|$)") {
        return (pass);
    }
    # Varnish forwards a file without end with its query.
    if (req.url ~ "/stream\.mp4(\?|$)") {
        return (pass);
    }
    # Requests for the same object have the same cache key: delivery directives or parameters of a still in one order, and no
    # other query parameters.
    # The replica receives the same query.
    set req.http.X-Query = "";
    if (req.url ~ "^[^?]*\.(m3u8|mpd)\?") {
        call keep_directives;
    }
    if (req.url ~ "^[^?]*/still\.(jpg|png)\?") {
        call keep_moment;
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

sub keep_moment {
    if (req.url ~ "[?&]at=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](at=[^&]*).*$", "\1");
    }
    if (req.url ~ "[?&]width=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](width=[^&]*).*$", "\1");
    }
    if (req.url ~ "[?&]video=") {
        set req.http.X-Query = req.http.X-Query + "&" + regsub(req.url, "^.*[?&](video=[^&]*).*$", "\1");
    }
    set req.http.X-Query = regsub(req.http.X-Query, "^&", "?");
}

sub vcl_hash {
    # The key does not contain the host name, because all names lead to the same replicas.
    hash_data(req.url);
    return (lookup);
}

sub vcl_backend_fetch {
    # Each attempt uses another replica.
    set bereq.backend = origins.backend();
    set bereq.connect_timeout = 500ms;
    # Longer than a replica holds a request (three target durations), for segments of up to 3 s.
    set bereq.first_byte_timeout = 10s;
    # An event stream sends a line at least every 15 s.
    set bereq.between_bytes_timeout = 60s;
    # A fault lasts up to ten minutes, and every replica answers alike.
    if (bereq.http.X-Fault) {
        set bereq.first_byte_timeout = 610s;
        set bereq.between_bytes_timeout = 610s;
        return (fetch);
    }
    # A frozen replica accepts connections and does not answer. Two replicas get 600 ms each, about two chunk durations. If
    # neither answers in that time, the third attempt waits longer.
    if (bereq.url ~ "^[^?]*\.(m3u8|mpd|m4s|mp4)(\?|$)|^/time$" && bereq.url !~ "/stream\.mp4(\?|$)") {
        set bereq.between_bytes_timeout = 600ms;
        # A replica holds a request for a segment in a playlist for up to a segment, and a request for a part for up to a part.
        if (bereq.retries < 2 && (bereq.url !~ "_HLS_msn=" || bereq.url ~ "_HLS_part=")) {
            set bereq.first_byte_timeout = 600ms;
        }
    }
}

sub vcl_backend_response {
    if (bereq.http.X-Fault) {
        return (deliver);
    }
    # If a replica is gone, starting or ending, Varnish sends the request to another replica. It does not repeat requests that
    # may have changed something.
    if (beresp.status >= 502 && beresp.status <= 504 && bereq.method ~ "^(GET|HEAD)$" && bereq.retries < 2) {
        return (retry);
    }
    # Varnish never serves a stale manifest, because it would hide new segments. Stale media is correct: media never changes.
    set beresp.grace = 0s;
    if (bereq.url ~ "\.(m4s|mp4)$" && beresp.status == 200) {
        set beresp.grace = 2m;
    }
    # The replica determines cache times, also for errors such as 425. Varnish does not cache responses without a cache time.
    if (beresp.status >= 400 && beresp.status < 500 && beresp.http.Cache-Control ~ "max-age=[1-9]") {
        set beresp.ttl = std.duration(regsub(beresp.http.Cache-Control, "^.*max-age=([0-9]+).*$", "\1s"), 1s);
    } elseif (beresp.ttl <= 0s) {
        set beresp.ttl = 1s;
        set beresp.uncacheable = true;
    }
    return (deliver);
}

sub vcl_backend_error {
    if (!bereq.http.X-Fault && bereq.method ~ "^(GET|HEAD)$" && bereq.retries < 2) {
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
