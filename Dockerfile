# A static program on an empty image: docker run --rm -v "$PWD:/src:ro" -w /src hoplint check
FROM rust:1.95-alpine AS build
WORKDIR /hoplint
COPY Cargo.toml Cargo.lock ./
COPY xtask xtask
COPY benches benches
COPY tests tests
COPY src src
COPY rules rules
RUN cargo build --release --locked --bin hoplint

FROM scratch
COPY --from=build /hoplint/target/release/hoplint /hoplint
USER 65534:65534
ENTRYPOINT ["/hoplint"]
CMD ["--help"]
