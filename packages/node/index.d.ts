/** A definition of a stream. All keys but `name` are optional; docs/streams.md describes them. */
export interface Stream {
  name: string;
  enabled?: boolean;
  fps?: string;
  segment_frames?: number;
  chunk_frames?: number;
  window_seconds?: number;
  video?: {
    id: string;
    width?: number;
    height?: number;
    bitrate?: number;
    codec?: string;
    preset?: string;
  }[];
  audio?: false | { id?: string; codec?: string; bitrate?: number; beep_hz?: number; beep_dbfs?: number };
  source?: 'signal' | 'publish';
  publish_clock?: boolean;
  title?: string;
  pattern?: 'smpte' | 'ebu' | 'grid' | 'black';
  [key: string]: unknown;
}

/** Conditions of a URL by name; `true` for a condition without a value, an array for a condition that stands several times. */
export type Conditions = Record<string, string | number | boolean | undefined | readonly (string | number)[]>;

export type Format = 'hls' | 'llhls' | 'dash' | 'lldash' | 'mp4' | 'ts';

export interface Options {
  /** The streams that run. Default: one stream, `test`. */
  streams?: readonly Stream[];
  /** Port on 127.0.0.1. Default: a free one. */
  port?: number;
  /** Path of the binary. Default: `BARSTONE_BIN`, or `barstone` on PATH. */
  binary?: string;
  /** Image to run in place of the binary. Default: `BARSTONE_IMAGE`. */
  image?: string;
  /** Program that runs the image. Default: `docker` or `podman` on PATH. */
  engine?: string;
  /** Further arguments of `barstone serve`. */
  args?: readonly string[];
  /** Further environment variables of barstone, such as `BARSTONE_MAX_VIEWERS`. */
  env?: Record<string, string>;
  /** Longest wait until every stream plays. Default: 30. */
  timeoutSeconds?: number;
}

export class Barstone {
  private constructor();
  /** URL of the server, without a slash at the end. */
  readonly base: string;
  /** The API token, which changes need. */
  readonly token: string;
  /** The newest part of the log. */
  readonly log: string;
  /** URL of a stream, under conditions: `url('test', 'llhls', { shift: '1h', 'no-hints': true })`. */
  url(stream: string, format?: Format, conditions?: Conditions): string;
  /** Sends a request to the REST API, with the token. `path` is below `/api/v1`. */
  api(method: string, path: string, body?: unknown): Promise<any>;
  /** Ends the process, or the container. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Starts barstone, and waits until every stream plays. */
export function start(options?: Options): Promise<Barstone>;
