# Every image of the project: one static binary each, on nothing. hack/images.sh builds the binaries first and names
# the folder where they are:  docker build --target watcher --build-arg BIN_DIR=target/x86_64-unknown-linux-gnu/release .
FROM scratch AS base
ARG VERSION=0.0.0
ARG REVISION=unknown
ARG CREATED=1970-01-01T00:00:00Z
ARG SOURCE=https://github.com/discord-monitoring/discord-monitoring
LABEL org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$REVISION" \
      org.opencontainers.image.created="$CREATED" \
      org.opencontainers.image.source="$SOURCE" \
      org.opencontainers.image.licenses="Apache-2.0"
USER 65532:65532

FROM base AS injector
ARG BIN_DIR
LABEL org.opencontainers.image.title="discord-monitoring injector" \
      org.opencontainers.image.description="Admission webhook that adds the watcher to the Pods of AI agents"
COPY ${BIN_DIR}/injector /injector
ENTRYPOINT ["/injector"]

FROM base AS watcher
ARG BIN_DIR
LABEL org.opencontainers.image.title="discord-monitoring watcher" \
      org.opencontainers.image.description="Sidecar that follows an AI agent's transcript and posts it to Discord"
COPY ${BIN_DIR}/watcher /watcher
ENTRYPOINT ["/watcher"]

FROM base AS bot
ARG BIN_DIR
LABEL org.opencontainers.image.title="discord-monitoring bot" \
      org.opencontainers.image.description="Gives each run of an AI agent a Discord channel of its own"
COPY ${BIN_DIR}/bot /bot
ENTRYPOINT ["/bot"]

# For tests and the demo only.

FROM base AS double
ARG BIN_DIR
LABEL org.opencontainers.image.title="discord-monitoring test double" \
      org.opencontainers.image.description="Stands for Discord in tests: strict about its limits, with a page to look at"
COPY ${BIN_DIR}/discord-double /discord-double
ENTRYPOINT ["/discord-double"]

# The agent of tests and examples, in an image that lacks the agent's config folder ...
FROM base AS player
ARG BIN_DIR
LABEL org.opencontainers.image.title="discord-monitoring player" \
      org.opencontainers.image.description="Plays a transcript as an AI agent would write it"
COPY ${BIN_DIR}/player /player
ENV HOME=/home/node
USER 1000:1000
ENTRYPOINT ["/player"]

# ... and in one that has it.
FROM player AS player-home
COPY --chown=1000:1000 hack/images/home/ /home/node/
