# One image for every role: the one binary, `throughline`, and what it needs to run.

FROM rust:1.95-bookworm AS build
WORKDIR /src
COPY . .
# The caches live beside the layers, so a second build compiles only what changed.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --locked --release -p throughline \
    && install -D target/release/throughline /out/throughline

FROM debian:bookworm-slim
# curl asks /readyz; certificates are for relays and databases behind TLS.
RUN apt-get update \
    && apt-get install -y --no-install-recommends ca-certificates curl \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/throughline throughline \
    && install -d -o throughline -g throughline /var/lib/throughline
COPY --from=build /out/throughline /usr/local/bin/throughline
USER throughline
WORKDIR /var/lib/throughline
# SIGTERM drains; see worker.drain_time_limit.
STOPSIGNAL SIGTERM
ENTRYPOINT ["throughline"]
CMD ["--help"]
