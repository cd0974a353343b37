// The parts of the vendored players that the page uses; each script defines one global.

declare class Hls {
  static readonly Events: { readonly ERROR: 'hlsError'; readonly MANIFEST_PARSED: 'hlsManifestParsed' };
  static isSupported(): boolean;
  constructor(config: { lowLatencyMode: boolean; backBufferLength: number; maxLiveSyncPlaybackRate: number; liveSyncOnStallIncrease: number });
  on(event: 'hlsError', listener: (event: string, data: HlsErrorData) => void): void;
  on(event: 'hlsManifestParsed', listener: () => void): void;
  attachMedia(video: HTMLVideoElement): void;
  loadSource(url: string): void;
  destroy(): void;
  static readonly ErrorDetails: Record<string, string>;
  readonly levels: { height?: number; bitrate: number }[];
  readonly config: { backBufferLength: number };
  readonly latency: number;
  readonly targetLatency: number | null;
  readonly liveSyncPosition: number | null;
  readonly autoLevelEnabled: boolean;
  readonly manualLevel: number;
  readonly currentLevel: number;
  nextLevel: number;
  readonly bandwidthEstimate: number;
}

interface HlsErrorData {
  fatal: boolean;
  details: string;
  reason?: string;
  response?: { code: number };
}

interface DashPlayer {
  updateSettings(settings: object): void;
  on(event: string, listener: (event: { error?: { code?: number; message?: string } }) => void): void;
  initialize(video: HTMLVideoElement, url: string, autoplay: boolean): void;
  destroy(): void;
  isReady(): boolean;
  getRepresentationsByType(type: string): { id: string; height?: number; bandwidth: number }[];
  getCurrentRepresentationForType(type: string): { id: string } | null;
  setRepresentationForTypeById(type: string, id: string): void;
  getAverageThroughput(type: string): number;
  getDvrWindow(): { start: number; end: number } | null;
}

declare const dashjs: { MediaPlayer(): { create(): DashPlayer } };

interface ShakaError {
  severity: number;
  code: number;
  data: unknown[];
}

interface ShakaTrack {
  id: number;
  height?: number;
  bandwidth: number;
  active: boolean;
}

interface ShakaPlayer {
  attach(video: HTMLVideoElement): Promise<void>;
  configure(config: object): boolean;
  load(url: string): Promise<void>;
  destroy(): Promise<void>;
  getVariantTracks(): ShakaTrack[];
  selectVariantTrack(track: ShakaTrack): void;
  getStats(): { estimatedBandwidth: number };
  seekRange(): { start: number; end: number };
  addEventListener(type: 'error', listener: (event: { detail: ShakaError }) => void): void;
}

declare const shaka: {
  polyfill: { installAll(): void };
  Player: { new (): ShakaPlayer; isBrowserSupported(): boolean };
  util: { Error: { Code: Record<string, number>; Severity: { CRITICAL: number } } };
};

// The scope of an audio worklet, which TypeScript does not describe.

declare class AudioWorkletProcessor {
  readonly port: MessagePort;
}
declare const sampleRate: number;
declare const currentTime: number;
declare function registerProcessor(name: string, kind: new () => AudioWorkletProcessor): void;
