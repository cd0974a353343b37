// The parts of the vendored players that the page uses; each script defines one global.

declare class Hls {
  static readonly Events: { readonly ERROR: 'hlsError'; readonly MANIFEST_PARSED: 'hlsManifestParsed' };
  static isSupported(): boolean;
  constructor(config: { lowLatencyMode: boolean });
  on(event: 'hlsError', listener: (event: string, data: HlsErrorData) => void): void;
  on(event: 'hlsManifestParsed', listener: () => void): void;
  attachMedia(video: HTMLVideoElement): void;
  loadSource(url: string): void;
  destroy(): void;
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
}

declare const dashjs: { MediaPlayer(): { create(): DashPlayer } };

interface ShakaError {
  severity: number;
  code: number;
  data: unknown[];
}

interface ShakaPlayer {
  attach(video: HTMLVideoElement): Promise<void>;
  configure(config: object): boolean;
  load(url: string): Promise<void>;
  destroy(): Promise<void>;
  addEventListener(type: 'error', listener: (event: { detail: ShakaError }) => void): void;
}

declare const shaka: {
  polyfill: { installAll(): void };
  Player: { new (): ShakaPlayer; isBrowserSupported(): boolean };
  util: { Error: { Code: Record<string, number>; Severity: { CRITICAL: number } } };
};
