"""The producer: reads commits from a source and sends them to Kafka under the contract.

``python -m producer --source fake|git|github|webhook --help`` shows the options of a source.
"""
