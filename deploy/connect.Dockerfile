# Kafka Connect as Strimzi starts it: the plugins of the image that connect/Dockerfile makes, laid
# into Strimzi's. Build that one first (make compose-up does): docker build - < deploy/connect.Dockerfile

FROM contractline-connect:local AS confluent

FROM quay.io/strimzi/kafka:1.2.0-kafka-4.3.1
# Debezium with the project's own plugin, and Confluent's converter with what it needs. The user stays
# that of the base.
COPY --from=confluent /usr/share/confluent-hub-components/ /opt/kafka/plugins/
COPY --from=confluent /usr/share/java/kafka-serde-tools/ /opt/kafka/plugins/avro-converter/
